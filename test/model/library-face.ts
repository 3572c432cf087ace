import type { LedgerDb } from '../../src/db/schema.ts';
import { DelegationLedger } from '../../src/ledger/ledger.ts';
import type { LogSink } from '../../src/log/log-sink.ts';
import {
  type AgentOperation,
  DEBOUNCE_MS,
  type Face,
  halfTickMore,
  limit,
  plainUpdate,
  retryIdOf,
  waitMs,
  withoutInstant,
} from './face.ts';

export function libraryFace(logger: LogSink): Face {
  return (db) => {
    const ledger = new DelegationLedger(db, { logger, heartbeatMinIntervalMs: DEBOUNCE_MS });
    return (operation) => throughLibrary(ledger, db, operation);
  };
}

async function throughLibrary(ledger: DelegationLedger, db: LedgerDb, operation: AgentOperation): Promise<unknown> {
  switch (operation.op) {
    case 'insert':
      return ledger.insert({
        delegationId: operation.id,
        callerId: operation.caller,
        calleeId: operation.callee,
        taskPreview: 'task',
        idempotencyKey: operation.key,
        deadlineMs: halfTickMore(operation.deadlineTicks),
        stuckAfterMs: limit(operation.ownTicks),
        stalledAfterMs: limit(operation.stalledTicks),
      });
    case 'heartbeat':
      return ledger.heartbeat(operation.id, { progress: operation.progress });
    case 'heartbeatMany':
      return ledger.heartbeatMany(operation.ids as string[]);
    case 'setStatus': {
      const { id, to, text, body } = operation;
      const detail = text === null ? {} : to === 'completed' ? { resultPreview: text } : { errorDetail: text };
      return ledger.setStatus(id, to, { ...detail, responseBody: body });
    }
    case 'wait':
      return withoutInstant(
        await ledger.wait(operation.id, { untilMs: waitMs(operation.ticks), reason: operation.reason }),
      );
    case 'resume':
      return withoutInstant(await ledger.resume(operation.id));
    case 'adjust': {
      const { id, deadlineTicks, ownTicks, stalledTicks } = operation;
      const { outcome } = await ledger.adjust(id, {
        ...(deadlineTicks !== undefined && { deadlineMs: halfTickMore(deadlineTicks) }),
        ...(ownTicks !== undefined && { stuckAfterMs: limit(ownTicks) }),
        ...(stalledTicks !== undefined && { stalledAfterMs: limit(stalledTicks) }),
      });
      return { outcome };
    }
    case 'retry': {
      const { outcome, attempt } = await ledger.retry(operation.id, { delegationId: retryIdOf(operation.id) });
      return { outcome, attempt };
    }
    case 'foreign':
      return plainUpdate(db, operation);
  }
}
