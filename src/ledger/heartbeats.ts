import type { QueryRunner } from '../db/positional-statement.ts';
import type { LedgerDb } from '../db/schema.ts';
import { mayConcernOneRow, sqlstate, sqlstateOf } from '../db/sqlstate.ts';
import { errorFields } from '../log/error-fields.ts';
import type { EventLog } from '../log/event-log.ts';
import { assertId, assertIds, idText, loggedId } from './arguments.ts';
import { bestEffort } from './best-effort.ts';
import type { HeartbeatResult } from './heartbeat-result.ts';
import { type HeartbeatRow, heartbeatManyStatement, heartbeatStatement } from './statements/heartbeat.ts';
import type { LedgerTables } from './tables.ts';

type ManyStatement = ReturnType<typeof heartbeatManyStatement>;
type ManyStatements = { readonly waiting: ManyStatement; readonly passing: ManyStatement };

/** A rival that finishes or stamps the delegation while the stamp waits for its lock shows only in a new snapshot. */
const ROUNDS_MAX = 4;
/** Ids in one statement of a keepAlive's round. */
const FREE_IDS_MAX = 1_000;
/** Statements of one such round that may fail while the row that is at fault is looked for. */
const FAILED_STATEMENTS_MAX = 32;

/** Stamps heartbeats, debounced. */
export class Heartbeats {
  readonly #db: LedgerDb;
  readonly #log: EventLog;
  readonly #minIntervalMs: number;
  readonly #onEpoch: (epoch: string) => void;
  readonly #one: ReturnType<typeof heartbeatStatement>;
  readonly #many: ManyStatements;
  readonly #manyIn010: ManyStatements;
  #stuckAfterMs: number | undefined;

  constructor(
    db: LedgerDb,
    tables: LedgerTables,
    log: EventLog,
    minIntervalMs: number,
    onEpoch: (epoch: string) => void,
  ) {
    this.#db = db;
    this.#log = log;
    this.#minIntervalMs = minIntervalMs;
    this.#onEpoch = onEpoch;
    this.#one = heartbeatStatement(tables);
    const manyOf = (schema: 'current' | 'in010'): ManyStatements => ({
      waiting: heartbeatManyStatement(tables, 'waiting', schema),
      passing: heartbeatManyStatement(tables, 'passing', schema),
    });
    this.#many = manyOf('current');
    this.#manyIn010 = manyOf('in010');
  }

  /** The daemons' threshold as it was last heard. */
  get stuckAfterMs(): number | undefined {
    return this.#stuckAfterMs;
  }

  async beat(delegationId: string): Promise<HeartbeatResult> {
    const [result] = await this.#attempt([delegationId], (runner) => {
      assertId('delegationId', delegationId);
      return this.#stamp(runner, [delegationId], this.#many);
    });
    return result!;
  }

  async beatMany(delegationIds: readonly string[]): Promise<HeartbeatResult[]> {
    return this.#attempt(delegationIds, (runner, many) => {
      assertIds('delegationIds', delegationIds);
      return this.#stamp(runner, delegationIds, many);
    });
  }

  /**
   * Each id's answer; none for one whose row another session has locked, since it waits for no lock: one row that is
   * locked, or whose update raises, must not silence the others. Never throws.
   */
  async beatFree(ids: readonly string[]): Promise<Map<string, HeartbeatResult>> {
    const answers = new Map<string, HeartbeatResult>();
    const errors: Error[] = [];
    const ask = async (some: readonly string[]): Promise<void> => {
      try {
        const parameters = [some, this.#minIntervalMs];
        const answered = await this.#inEitherSchema(({ passing }) => passing.run(this.#db, parameters));
        const rows = new Map(answered.map(byId));
        for (const id of some) {
          const row = rows.get(id);
          if (!row || !isUndecided(row)) answers.set(id, this.#result(id, row));
        }
      } catch (err) {
        const error = err as Error;
        errors.push(error);
        if (some.length > 1 && errors.length < FAILED_STATEMENTS_MAX && mayConcernOneRow(error)) {
          const half = Math.ceil(some.length / 2);
          await ask(some.slice(0, half));
          await ask(some.slice(half));
        } else for (const id of some) answers.set(id, failed(id, error));
      }
    };
    for (let from = 0; from < ids.length; from += FREE_IDS_MAX) await ask(ids.slice(from, from + FREE_IDS_MAX));
    const lost = ids.filter((id) => answers.get(id)?.outcome === 'failed');
    if (lost.length > 0) this.#logFailure(lost, errors.at(-1));
    return answers;
  }

  /** That no answer came in time is a failure, too. */
  logSilence(ids: readonly string[], afterMs: number): void {
    this.#logFailure(ids, new Error(`no answer within ${Math.round(afterMs)} ms; tried again over another connection`));
  }

  async #attempt(
    ids: readonly string[],
    stamp: (runner: QueryRunner, many: ManyStatements) => Promise<Map<string, HeartbeatRow>>,
  ): Promise<HeartbeatResult[]> {
    try {
      const rows = await this.#inEitherSchema((many) => bestEffort(this.#db, async (runner) => stamp(runner, many)));
      return ids.map((id) => this.#result(id, rows.get(id)));
    } catch (err) {
      const list = Array.isArray(ids) ? ids.map(idText) : [];
      this.#logFailure(list, err);
      return list.map((id) => failed(id, err as Error));
    }
  }

  /** Agents may be newer than their ledger until `migrate up` has run: they must not fall silent for it. */
  async #inEitherSchema<Result>(ask: (many: ManyStatements) => Promise<Result>): Promise<Result> {
    try {
      return await ask(this.#many);
    } catch (err) {
      if (sqlstateOf(err) !== sqlstate.undefinedTable) throw err;
      // Where that fails as well, the ledger is not there at all: the first error says so.
      return ask(this.#manyIn010).catch(() => {
        throw err;
      });
    }
  }

  #logFailure(ids: readonly string[], err: unknown): void {
    this.#log.emit('ledger.heartbeat_failed', {
      delegationId: ids.length > 0 ? loggedId(ids[0]) : '(none)',
      count: ids.length,
      err: errorFields(err),
    });
  }

  async #stamp(runner: QueryRunner, ids: readonly string[], many: ManyStatements): Promise<Map<string, HeartbeatRow>> {
    const answers = new Map<string, HeartbeatRow>();
    let asked = [...new Set(ids)];
    for (let round = 0; round < ROUNDS_MAX && asked.length > 0; round += 1) {
      const rows = await this.#run(runner, asked, round, many);
      for (const row of rows) answers.set(row.delegationId, row);
      asked = rows.filter(isUndecided).map(({ delegationId }) => delegationId);
    }
    return answers;
  }

  /**
   * First what is free, so that a locked row keeps the others waiting no longer than their stamps are committed. In the
   * caller's transaction those stamps would stay locked while it waits for the rest: there all in key order, at once.
   */
  async #run(
    runner: QueryRunner,
    ids: readonly string[],
    round: number,
    many: ManyStatements,
  ): Promise<HeartbeatRow[]> {
    if (ids.length > 1) {
      const statement = round === 0 && !this.#db.isTransaction ? many.passing : many.waiting;
      return statement.run(runner, [ids, this.#minIntervalMs]);
    }
    const rows = await this.#one.run(runner, [ids[0], this.#minIntervalMs]);
    return rows.flatMap(({ answer }) => answer ?? []);
  }

  #result(delegationId: string, row: HeartbeatRow | undefined): HeartbeatResult {
    if (!row) {
      this.#log.emit('ledger.row_missing', { delegationId });
      return { delegationId, outcome: 'missing' };
    }
    const { status, terminal, stamped, stuckAfterMs, epoch } = row;
    this.#stuckAfterMs = stuckAfterMs ?? this.#stuckAfterMs;
    if (epoch) this.#onEpoch(epoch);
    return {
      delegationId,
      outcome: terminal ? 'terminal' : stamped ? 'stamped' : 'fresh',
      status,
      ...(stuckAfterMs !== null && { stuckAfterMs }),
    };
  }
}

/** A stamp was due and was not made: a rival locks the row, has stamped it, or has finished it. */
function isUndecided({ due, stamped }: HeartbeatRow): boolean {
  return due && !stamped;
}

function byId(row: HeartbeatRow): [string, HeartbeatRow] {
  return [row.delegationId, row];
}

function failed(delegationId: string, error: Error): HeartbeatResult {
  return { delegationId, outcome: 'failed', error };
}
