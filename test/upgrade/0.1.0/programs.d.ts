import type { LedgerDb } from '../../../src/db/schema.ts';
import type { Activity } from '../../../src/ledger/activity.ts';
import type { Delegation } from '../../../src/ledger/delegation.ts';
import type { HeartbeatResult } from '../../../src/ledger/heartbeat-result.ts';
import type { InsertArguments } from '../../../src/ledger/insert-arguments.ts';
import type { InsertResult } from '../../../src/ledger/insert-result.ts';
import type { SetStatusOptions } from '../../../src/ledger/set-status-options.ts';
import type { SetStatusResult } from '../../../src/ledger/set-status-result.ts';
import type { Status } from '../../../src/ledger/transitions.ts';
import type { EventLog } from '../../../src/log/event-log.ts';
import type { LogSink } from '../../../src/log/log-sink.ts';

// The part of version 0.1.0 that the tests call.

export declare class DelegationLedger {
  constructor(db: LedgerDb, options?: { logger?: LogSink; heartbeatMinIntervalMs?: number });
  insert(
    delegation: Pick<
      InsertArguments,
      | 'delegationId'
      | 'callerId'
      | 'calleeId'
      | 'taskPreview'
      | 'idempotencyKey'
      | 'deadline'
      | 'deadlineMs'
      | 'requestBody'
    >,
  ): Promise<InsertResult>;
  setStatus(delegationId: string, status: Status, options?: SetStatusOptions): Promise<SetStatusResult>;
  heartbeat(delegationId: string): Promise<HeartbeatResult>;
  heartbeatMany(delegationIds: readonly string[]): Promise<HeartbeatResult[]>;
  keepAlive(
    delegationId: string,
    options?: { everyMs?: number; onTerminal?: (result: HeartbeatResult) => void },
  ): AsyncDisposable & { readonly signal: AbortSignal };
  get(delegationId: string): Promise<Delegation | null>;
  history(delegationId: string): Promise<Activity[]>;
}

export interface SweeperOptions {
  readonly stuckAfterMs: number;
  readonly batchRowsMax: number;
  readonly rowsMax: number;
  readonly storm: { readonly minStale: number; readonly ratio: number; readonly maxHoldMs: number };
}

export declare class Sweeper {
  constructor(db: LedgerDb, log: EventLog, options: SweeperOptions);
  sweep(request: { trigger: 'cron' | 'startup' | 'manual'; force?: boolean }): Promise<{
    readonly stuck: number;
    readonly failed: number;
    readonly poisoned: number;
    readonly remaining: number;
    readonly truncated: boolean;
    readonly held: boolean;
    readonly unobservedMs: number;
  }>;
}

export declare class Beat {
  constructor(state: SweeperState, log: EventLog, stuckAfterMs: number);
  leave(): Promise<unknown>;
}

export declare class SweeperState {
  constructor(db: LedgerDb, tables: object);
}

export declare function sweeperTables(db: LedgerDb): object;

export declare function createEventLog(sink: LogSink): EventLog;
