import type { LedgerDb } from '../db/schema.ts';
import { sqlstate, sqlstateOf } from '../db/sqlstate.ts';
import type { QueryRunner } from '../db/statement.ts';
import { errorFields } from '../log/error-fields.ts';
import type { EventLog } from '../log/event-log.ts';
import { assertId, assertIds, idText, loggedId, noteText } from './arguments.ts';
import { bestEffort } from './best-effort.ts';
import type { HeartbeatResult } from './heartbeat-result.ts';
import { inHalves } from './in-halves.ts';
import { PendingProgress } from './pending-progress.ts';
import { heartbeatManyStatement, heartbeatOf010Statement, heartbeatStatement } from './statements/heartbeat.ts';
import type { LedgerTables } from './tables.ts';
import type { Status } from './transitions.ts';

/** A row may become due while a statement runs; it then needs another one. */
const STATEMENTS_MAX = 4;
/** Ids in one statement of a keepAlive's round. */
const ROUND_IDS_MAX = 1_000;

interface Answer {
  readonly outcome: 'stamped' | 'fresh' | 'terminal' | 'missing' | 'locked';
  readonly status: Status | null;
  readonly stuckAfterMs: number | null;
  readonly epoch: string | null;
}

type Answers = ReadonlyMap<string, Answer>;

/**
 * Writes heartbeats: of one delegation, of many, and of those that a keepAlive's round sends. One that is younger than
 * the minimum interval is answered `fresh` and not written. A failure is logged as `ledger.heartbeat_failed` and returned
 * as the outcome; nothing here throws.
 */
export class Heartbeats {
  readonly #db: LedgerDb;
  readonly #log: EventLog;
  /** Whole milliseconds; 0: every heartbeat is written. */
  readonly #minIntervalMs: number;
  readonly #onEpoch: (epoch: string) => void;
  readonly #one: ReturnType<typeof heartbeatStatement>;
  readonly #many: ReturnType<typeof heartbeatManyStatement>;
  readonly #of010: ReturnType<typeof heartbeatOf010Statement>;
  readonly #progress = new PendingProgress();
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

  /** The threshold that the last answer named, for whichever delegation. */
  get stuckAfterMs(): number | undefined {
    return this.#stuckAfterMs;
  }

  async beat(delegationId: string, progress?: string | null): Promise<HeartbeatResult> {
    const [result] = await this.#attempt([delegationId], async (runner) => {
      assertId('delegationId', delegationId);
      if (progress != null) this.#progress.report(delegationId, noteText('progress', progress));
      const texts = this.#progress.of([delegationId]);
      const [answer] = await this.#one.run(runner, {
        delegationId,
        minIntervalMs: this.#minIntervalMs,
        progress: texts.get(delegationId)?.text ?? null,
      });
      const answers = new Map([[delegationId, answer!]]);
      this.#progress.answered(texts, answers);
      return answers;
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
   * Heartbeats of those whose rows no other session has locked; a locked one has no result. One row that is locked, or
   * whose update raises, must not keep the others from being heard.
   */
  async beatUnlocked(ids: readonly string[]): Promise<Map<string, HeartbeatResult>> {
    const results = new Map<string, HeartbeatResult>();
    const failedIds: string[] = [];
    let lastError: Error | undefined;
    const write = async (some: readonly string[]) => {
      const answers = await this.#inEitherSchema(some, () => this.#stampOnce(this.#db, some, true));
      for (const id of some) {
        const answer = answers.get(id);
        if (answer?.outcome !== 'locked') results.set(id, this.#result(id, answer));
      }
    };
    const onFailure = (some: readonly string[], error: Error) => {
      for (const id of some) results.set(id, failed(id, error));
      failedIds.push(...some);
      lastError = error;
    };
    for (let from = 0; from < ids.length; from += ROUND_IDS_MAX) {
      await inHalves(ids.slice(from, from + ROUND_IDS_MAX), write, onFailure);
    }
    if (failedIds.length > 0) this.#logFailure(failedIds, lastError);
    return results;
  }

  /** The text goes with the delegation's next heartbeat. */
  reportProgress(delegationId: string, text: string): void {
    this.#progress.report(delegationId, text);
  }

  logTimeout(ids: readonly string[], afterMs: number): void {
    this.#logFailure(ids, new Error(`no answer within ${Math.round(afterMs)} ms; tried again over another connection`));
  }

  async #attempt(ids: readonly string[], write: (runner: QueryRunner) => Promise<Answers>): Promise<HeartbeatResult[]> {
    try {
      const answers = await this.#inEitherSchema(ids, () => bestEffort(this.#db, async (runner) => write(runner)));
      return ids.map((id) => this.#result(id, answers.get(id)));
    } catch (err) {
      const list = Array.isArray(ids) ? ids.map(idText) : [];
      this.#logFailure(list, err);
      return list.map((id) => failed(id, err as Error));
    }
  }

  /** An agent that is newer than its ledger goes on heartbeating until `migrate up` has run, by the function of 0.1.0. */
  async #inEitherSchema(ids: readonly string[], write: () => Promise<Answers>): Promise<Answers> {
    try {
      return await write();
    } catch (err) {
      if (sqlstateOf(err) !== sqlstate.undefinedFunction) throw err;
      // Where the function of 0.1.0 is missing, too, there is no ledger, and the first error names what is missing.
      return bestEffort(this.#db, (runner) => this.#stampIn010(runner, ids)).catch(() => {
        throw err;
      });
    }
  }

  async #stampIn010(runner: QueryRunner, ids: readonly string[]): Promise<Answers> {
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
   * First the rows that are not locked, so that their stamps are committed before this waits for the others. Not in the
   * caller's transaction, which would keep those rows locked while it waits: there all in key order, in one statement.
   */
  async #stamp(runner: QueryRunner, ids: readonly string[]): Promise<Answers> {
    const answers = new Map<string, Answer>();
    let remaining = [...new Set(ids)];
    for (let count = 0; count < STATEMENTS_MAX && remaining.length > 0; count += 1) {
      const skipLocked = count === 0 && remaining.length > 1 && !this.#db.isTransaction;
      for (const [id, answer] of await this.#stampOnce(runner, remaining, skipLocked)) answers.set(id, answer);
      remaining = remaining.filter((id) => answers.get(id)?.outcome === 'locked');
    }
    return answers;
  }

  async #stampOnce(runner: QueryRunner, ids: readonly string[], skipLocked: boolean): Promise<Answers> {
    const texts = this.#progress.of(ids);
    const progress = texts.size === 0 ? null : ids.map((id) => texts.get(id)?.text ?? null);
    const rows = await this.#many.run(runner, { ids, minIntervalMs: this.#minIntervalMs, progress, skipLocked });
    const answers = new Map(rows.map(({ delegationId, ...answer }) => [delegationId, answer]));
    this.#progress.answered(texts, answers);
    return answers;
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
