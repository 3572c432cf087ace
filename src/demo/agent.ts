/**
 * An agent of the demo, in its own process: takes one delegation, sends heartbeats while it works, reports its result. It
 * uses the ledger as any agent would.
 */
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { openDatabase } from '../db/database.ts';
import { DelegationLedger, type Status } from '../index.ts';
import type { EventLevel } from '../log/event-level.ts';
import { type Order, type OrderOf, type Report, resultOf, type Work } from './agent-protocol.ts';
import type { LogReport } from './demo-process.ts';
import { endWithDemo } from './end-with-demo.ts';

endWithDemo();

const { agent, location, dbSchema } = await order('connect');
await using handle = openDatabase({
  location,
  schema: dbSchema,
  max: 2,
  applicationName: `demo ${agent}`,
  queryTimeoutMs: 30_000,
});
const ledger = new DelegationLedger(handle.db, {
  logger: { info: log('info'), warn: log('warn'), error: log('error') },
});
await report({ kind: 'ready' });
const { delegationId, work } = await order('take');
await takeOn(delegationId, work);

async function takeOn(delegationId: string, { workMs, ending }: Work): Promise<void> {
  await ledger.setStatus(delegationId, 'in_progress', { actor: agent });
  await using alive = ledger.keepAlive(delegationId);
  await report({ kind: 'working' });
  await sleep(workMs, undefined, { signal: alive.signal }).catch(() => {});
  if (alive.signal.aborted) {
    await report({ kind: 'told', status: alive.signal.reason.result.status as Status });
    if (ending !== 'insists') return;
  }
  const attempted = ending === 'fails' ? 'failed' : 'completed';
  const { outcome } = await ledger.setStatus(delegationId, attempted, {
    actor: agent,
    ...(attempted === 'failed' ? { errorDetail: 'out of ideas' } : { resultPreview: resultOf(agent) }),
  });
  await report({ kind: 'delivered', attempted, outcome });
}

async function order<K extends Order['kind']>(_: K): Promise<OrderOf<K>> {
  const [message] = await once(process, 'message');
  return message as OrderOf<K>;
}

function report(message: Report | LogReport): Promise<void> {
  return new Promise((resolve) => process.send!(message, () => resolve()));
}

function log(level: EventLevel) {
  return (line: object, message: string) => void report({ kind: 'log', level, line, message });
}
// Without its channel the process ends by itself.
process.disconnect!();
