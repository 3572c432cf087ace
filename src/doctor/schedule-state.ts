import { sqlstate, sqlstateOf } from '../db/sqlstate.ts';
import { sweepQueue } from '../sweeper/schedule/queue-name.ts';
import { scheduleStateStatement } from '../sweeper/schedule/statements/schedule-state.ts';
import type { Subject } from './subject.ts';

/** What pg-boss has of the ledger's sweeps. */
export interface ScheduleState {
  readonly policy: string | null;
  readonly cron: string | null;
  readonly timezone: string | null;
}

/** Null where this role may not read it, as one that only reads the ledger. @throws the database's error. */
export async function readScheduleState({ db, pgboss, options }: Subject): Promise<ScheduleState | null> {
  try {
    const [state] = await scheduleStateStatement(pgboss).run(db, { queue: sweepQueue(options.dbSchema) });
    return state!;
  } catch (err) {
    if (sqlstateOf(err) === sqlstate.insufficientPrivilege) return null;
    throw err;
  }
}
