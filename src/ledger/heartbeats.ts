import type { LedgerDb } from '../db/schema.ts';
import { sqlstate, sqlstateOf } from '../db/sqlstate.ts';
import type { QueryRunner } from '../db/statement.ts';
import { errorFields } from '../log/error-fields.ts';
import type { EventLog } from '../log/event-log.ts';
import { assertId, assertIds, idText, loggedId, noteText } from './arguments.ts';
import { bestEffort } from './best-effort.ts';
import type { HeartbeatResult } from './heartbeat-result.ts';
import { inHalves } from './in-halves.ts';
import { heartbeatManyStatement, heartbeatOf010Statement, heartbeatStatement } from './statements/heartbeat.ts';
import type { LedgerTables } from './tables.ts';
import type { Status } from './transitions.ts';

/** A row may become due while a call runs: it is asked for again. */
const ROUNDS_MAX = 4;
/** Ids in one call of a keepAlive's round. */
const FREE_IDS_MAX = 1_000;

interface Answer {
  readonly outcome: 'stamped' | 'fresh' | 'terminal' | 'missing' | 'locked';
  readonly status: Status | null;
  readonly stuckAfterMs: number | null;
  readonly epoch: string | null;
}

type Answers = ReadonlyMap<string, Answer>;
/** What is said about progress, by id. */
type Notes = ReadonlyMap<string, string>;
type Ask = (runner: QueryRunner) => Promise<Answers>;

const none: Notes = new Map();

/** Stamps heartbeats, debounced. */
export class Heartbeats {
  readonly #db: LedgerDb;
  readonly #log: EventLog;
  /** Whole milliseconds; 0: each is written. */
  readonly #minIntervalMs: number;
  readonly #onEpoch: (epoch: string) => void;
  readonly #one: ReturnType<typeof heartbeatStatement>;
  readonly #many: ReturnType<typeof heartbeatManyStatement>;
  readonly #of010: ReturnType<typeof heartbeatOf010Statement>;
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
    this.#minIntervalMs = Math.round(minIntervalMs);
    this.#onEpoch = onEpoch;
    this.#one = heartbeatStatement(tables);
    this.#many = heartbeatManyStatement(tables);
    this.#of010 = heartbeatOf010Statement(tables);
  }

  /** The threshold as it was last heard, of any delegation. */
  get stuckAfterMs(): number | undefined {
    return this.#stuckAfterMs;
  }

  async beat(delegationId: string, progress?: string | null): Promise<HeartbeatResult> {
    const [result] = await this.#attempt([delegationId], async (runner) => {
      assertId('delegationId', delegationId);
      const note = progress == null ? null : noteText('progress', progress);
      const [answer] = await this.#one.run(runner, {
        delegationId,
        minIntervalMs: this.#minIntervalMs,
        progress: note,
      });
      return new Map([[delegationId, answer!]]);
    });
    return result!;
  }

  async beatMany(delegationIds: readonly string[]): Promise<HeartbeatResult[]> {
    return this.#attempt(delegationIds, (runner) => {
      assertIds('delegationIds', delegationIds);
      return this.#stamp(runner, delegationIds);
    });
  }

  /**
   * Each id's answer; none for one whose row another session has locked, since it waits for no lock: one row that is
   * locked, or whose update raises, must not silence the others. Never throws.
   */
  async beatFree(ids: readonly string[], progress: Notes = none): Promise<Map<string, HeartbeatResult>> {
    const results = new Map<string, HeartbeatResult>();
    const lost: string[] = [];
    let lastError: Error | undefined;
    const ask = async (some: readonly string[]) => {
      const answers = await this.#inEitherSchema(some, () => this.#call(this.#db, some, true, progress));
      for (const id of some) {
        const answer = answers.get(id);
        if (answer?.outcome !== 'locked') results.set(id, this.#result(id, answer));
      }
    };
    const lose = (some: readonly string[], error: Error) => {
      for (const id of some) results.set(id, failed(id, error));
      lost.push(...some);
      lastError = error;
    };
    for (let from = 0; from < ids.length; from += FREE_IDS_MAX) {
      await inHalves(ids.slice(from, from + FREE_IDS_MAX), ask, lose);
    }
    if (lost.length > 0) this.#logFailure(lost, lastError);
    return results;
  }

  /** That no answer came in time is a failure, too. */
  logSilence(ids: readonly string[], afterMs: number): void {
    this.#logFailure(ids, new Error(`no answer within ${Math.round(afterMs)} ms; tried again over another connection`));
  }

  async #attempt(ids: readonly string[], ask: Ask): Promise<HeartbeatResult[]> {
    try {
      const answers = await this.#inEitherSchema(ids, () => bestEffort(this.#db, async (runner) => ask(runner)));
      return ids.map((id) => this.#result(id, answers.get(id)));
    } catch (err) {
      const list = Array.isArray(ids) ? ids.map(idText) : [];
      this.#logFailure(list, err);
      return list.map((id) => failed(id, err as Error));
    }
  }

  /** Agents may be newer than their ledger until `migrate up` has run: they must not fall silent for it. */
  async #inEitherSchema(ids: readonly string[], ask: () => Promise<Answers>): Promise<Answers> {
    try {
      return await ask();
    } catch (err) {
      if (sqlstateOf(err) !== sqlstate.undefinedFunction) throw err;
      // Where that fails as well, the ledger is not there at all: the first error says so.
      return bestEffort(this.#db, (runner) => this.#askOf010(runner, ids)).catch(() => {
        throw err;
      });
    }
  }

  async #askOf010(runner: QueryRunner, ids: readonly string[]): Promise<Answers> {
    const rows = await this.#of010.run(runner, { ids, minIntervalMs: this.#minIntervalMs });
    return new Map(
      rows.flatMap(({ delegationId, answer }) => {
        if (answer === null) return [];
        const { status, terminal, stamped, stuckAfterMs } = answer;
        const outcome = terminal ? 'terminal' : stamped ? 'stamped' : 'fresh';
        return [[delegationId, { outcome, status, stuckAfterMs, epoch: null }] as const];
      }),
    );
  }

  #logFailure(ids: readonly string[], err: unknown): void {
    this.#log.emit('ledger.heartbeat_failed', {
      delegationId: ids.length > 0 ? loggedId(ids[0]) : '(none)',
      count: ids.length,
      err: errorFields(err),
    });
  }

  /**
   * First what is free, so that a locked row keeps the others waiting no longer than their stamps are committed. In the
   * caller's transaction those stamps would stay locked while it waits for the rest: there all in key order, at once.
   */
  async #stamp(runner: QueryRunner, ids: readonly string[]): Promise<Answers> {
    const answers = new Map<string, Answer>();
    let asked = [...new Set(ids)];
    for (let round = 0; round < ROUNDS_MAX && asked.length > 0; round += 1) {
      const isFirst = round === 0 && asked.length > 1 && !this.#db.isTransaction;
      const given = await this.#call(runner, asked, isFirst, none);
      for (const [id, answer] of given) answers.set(id, answer);
      asked = asked.filter((id) => answers.get(id)?.outcome === 'locked');
    }
    return answers;
  }

  async #call(runner: QueryRunner, ids: readonly string[], skipLocked: boolean, notes: Notes): Promise<Answers> {
    const progress = notes.size === 0 ? null : ids.map((id) => notes.get(id) ?? null);
    const rows = await this.#many.run(runner, { ids, minIntervalMs: this.#minIntervalMs, progress, skipLocked });
    return new Map(rows.map(({ delegationId, ...answer }) => [delegationId, answer]));
  }

  #result(delegationId: string, answer: Answer | undefined): HeartbeatResult {
    if (!answer || answer.status === null) {
      this.#log.emit('ledger.row_missing', { delegationId });
      return { delegationId, outcome: 'missing' };
    }
    const { outcome, status, stuckAfterMs, epoch } = answer;
    this.#stuckAfterMs = stuckAfterMs ?? this.#stuckAfterMs;
    if (epoch !== null) this.#onEpoch(epoch);
    return {
      delegationId,
      outcome: outcome === 'stamped' || outcome === 'terminal' ? outcome : 'fresh',
      status,
      ...(stuckAfterMs !== null && { stuckAfterMs }),
    };
  }
}

function failed(delegationId: string, error: Error): HeartbeatResult {
  return { delegationId, outcome: 'failed', error };
}
