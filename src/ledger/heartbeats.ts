import type { LedgerDb } from '../db/schema.ts';
import type { QueryRunner } from '../db/statement.ts';
import { errorFields } from '../log/error-fields.ts';
import type { EventLog } from '../log/event-log.ts';
import { assertId, assertIds, idText } from './arguments.ts';
import { bestEffort } from './best-effort.ts';
import { type HeartbeatRow, heartbeatManyStatement, heartbeatStatement } from './statements/heartbeat.ts';
import type { LedgerTables } from './tables.ts';
import type { Status } from './transitions.ts';

/**
 * `stamped`: written. `fresh`: stamped a moment ago, nothing written. `terminal`: the delegation is over, stop working.
 * `missing`: no such delegation. `failed`: the database did not answer, or the id was no id; logged.
 */
export interface HeartbeatResult {
  readonly delegationId: string;
  readonly outcome: 'stamped' | 'fresh' | 'terminal' | 'missing' | 'failed';
  readonly status?: Status;
  /** The daemon's threshold in milliseconds: heartbeat several times within it. Absent until a daemon has run. */
  readonly stuckAfterMs?: number;
  /** With `failed`: why. */
  readonly error?: Error;
}

/** A rival that finishes the delegation while the stamp waits for its lock shows only in a new snapshot. */
const ROUNDS_MAX = 3;

/** Stamps heartbeats, debounced. */
export class Heartbeats {
  readonly #db: LedgerDb;
  readonly #log: EventLog;
  readonly #minIntervalMs: number;
  readonly #one: ReturnType<typeof heartbeatStatement>;
  readonly #many: ReturnType<typeof heartbeatManyStatement>;

  constructor(db: LedgerDb, tables: LedgerTables, log: EventLog, minIntervalMs: number) {
    this.#db = db;
    this.#log = log;
    this.#minIntervalMs = minIntervalMs;
    this.#one = heartbeatStatement(tables);
    this.#many = heartbeatManyStatement(tables);
  }

  async beat(delegationId: string): Promise<HeartbeatResult> {
    const [result] = await this.#attempt([delegationId], (runner) => {
      assertId('delegationId', delegationId);
      return this.#stamp(runner, [delegationId]);
    });
    return result!;
  }

  async beatMany(delegationIds: readonly string[]): Promise<HeartbeatResult[]> {
    return this.#attempt(delegationIds, (runner) => {
      assertIds('delegationIds', delegationIds);
      return this.#stamp(runner, delegationIds);
    });
  }

  async #attempt(
    ids: readonly string[],
    stamp: (runner: QueryRunner) => Promise<Map<string, HeartbeatRow>>,
  ): Promise<HeartbeatResult[]> {
    try {
      const rows = await bestEffort(this.#db, async (runner) => stamp(runner));
      return ids.map((id) => this.#result(id, rows.get(id)));
    } catch (err) {
      const list = Array.isArray(ids) ? ids.map(idText) : [];
      this.#log.emit('ledger.heartbeat_failed', {
        delegationId: list[0] || '(none)',
        count: list.length,
        err: errorFields(err),
      });
      return list.map((delegationId) => ({ delegationId, outcome: 'failed', error: err as Error }));
    }
  }

  async #stamp(runner: QueryRunner, ids: readonly string[]): Promise<Map<string, HeartbeatRow>> {
    const answers = new Map<string, HeartbeatRow>();
    let asked = [...new Set(ids)];
    for (let round = 0; round < ROUNDS_MAX && asked.length > 0; round += 1) {
      const rows = await this.#run(runner, asked);
      for (const row of rows) answers.set(row.delegationId, row);
      asked = rows.filter(({ due, stamped }) => due && !stamped).map(({ delegationId }) => delegationId);
    }
    return answers;
  }

  async #run(runner: QueryRunner, ids: readonly string[]): Promise<HeartbeatRow[]> {
    if (ids.length > 1) return this.#many.run(runner, [ids, this.#minIntervalMs]);
    const rows = await this.#one.run(runner, [ids[0], this.#minIntervalMs]);
    return rows.flatMap(({ answer }) => answer ?? []);
  }

  #result(delegationId: string, row: HeartbeatRow | undefined): HeartbeatResult {
    if (!row) {
      this.#log.emit('ledger.row_missing', { delegationId });
      return { delegationId, outcome: 'missing' };
    }
    const { status, terminal, stamped, stuckAfterMs } = row;
    return {
      delegationId,
      outcome: terminal ? 'terminal' : stamped ? 'stamped' : 'fresh',
      status,
      ...(stuckAfterMs !== null && { stuckAfterMs }),
    };
  }
}
