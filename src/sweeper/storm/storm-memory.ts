import { literal, Statement, wholeNumber } from '../../db/positional-statement.ts';
import type { LedgerDb } from '../../db/schema.ts';
import { type Status, sourcesOf } from '../../ledger/transitions.ts';
import { type Micros, microsOf, timestampOf } from '../instant.ts';
import { isNotOverdue } from '../pass/rules.ts';
import type { SweeperTables } from '../tables.ts';
import type { Staleness } from '../threshold/staleness.ts';
import type { StormState } from './storm-guard.ts';

/** The silent rows that a sweep left, for the next one to see how many of them came back. */
export interface Watched {
  readonly rows: number;
  /** They were last heard before this instant, and not overdue at the other. */
  readonly beforeUs: Micros;
  readonly atUs: Micros;
}

export interface Recalled {
  readonly state: StormState;
  /** Rows watched by the sweep before that are silent no more: heard again, or finished by somebody else. */
  readonly cameBack: number;
}

interface MemoryRow extends Omit<StormState, 'cameBack'> {
  readonly cameBackSoFar: number;
  readonly watched: number;
  readonly stillSilent: number;
}

const [inProgress] = sourcesOf('stuck') as [Status];

/** What is kept of a storm in `sweeper_state`. Written by the sweep that has the lease, and by no other. */
export class StormMemory {
  readonly #db: LedgerDb;
  readonly #recall: Statement<MemoryRow>;
  readonly #begin: Statement<never>;
  readonly #keep: Statement<never>;

  constructor(db: LedgerDb, { sweeperState, delegations }: SweeperTables) {
    this.#db = db;
    const micros = (column: string) => wholeNumber(microsOf(`s.${column}`));
    // Ordered for the planner's sake, as in probe.ts. No now: what was not overdue then counts until it is marked.
    this.#recall = new Statement(`
SELECT ${micros('storm_forming_since')} AS "formingSinceUs", ${micros('storm_held_since')} AS "heldSinceUs", ${micros('storm_released_at')} AS "releasedAtUs",
  s.storm_released_why AS "releasedWhy", ${micros('storm_partial_since')} AS "partialSinceUs",
  ${wholeNumber('s.storm_came_back')} AS "cameBackSoFar", ${micros('storm_came_back_at')} AS "cameBackAtUs",
  ${wholeNumber('s.storm_watched')} AS "watched",
  (SELECT ${wholeNumber('count(*)')} FROM (
     SELECT FROM ${delegations} d
     WHERE d.status = ${literal(inProgress)} AND d.heartbeat_bucket <= s.storm_watched_before
       AND d.last_heartbeat < s.storm_watched_before AND ${isNotOverdue('s.storm_watched_at', '$1')}
     ORDER BY d.heartbeat_bucket, d.delegation_id LIMIT s.storm_watched) silent) AS "stillSilent"
FROM ${sweeperState} s WHERE singleton`);
    this.#begin = new Statement(`
UPDATE ${sweeperState} SET storm_held_since = ${timestampOf('$2')}
WHERE singleton AND sweep_id = $1 AND storm_held_since IS NULL`);
    this.#keep = new Statement(`
UPDATE ${sweeperState} SET storm_held_since = ${timestampOf('$2')}, storm_released_at = ${timestampOf('$3')},
  storm_released_why = $4, storm_partial_since = ${timestampOf('$5')}, storm_came_back = $6::bigint,
  storm_came_back_at = ${timestampOf('$7')}, storm_watched = $8::bigint, storm_watched_before = ${timestampOf('$9')},
  storm_watched_at = ${timestampOf('$10')}, storm_forming_since = ${timestampOf('$11')}
WHERE singleton AND sweep_id = $1`);
  }

  /** To be asked before the sweep marks anything: what it fails for its deadline has not come back. */
  async recall(staleness: Staleness): Promise<Recalled> {
    const { cameBackSoFar, watched, stillSilent, ...kept } = (await this.#recall.run(this.#db, [staleness]))[0]!;
    return { state: { ...kept, cameBack: cameBackSoFar }, cameBack: Math.max(0, watched - stillSilent) };
  }

  /** A hold from this instant on, before anything is counted: a sweep that dies of the counting has held. */
  async begin(sweepId: string, nowUs: Micros): Promise<void> {
    await this.#begin.run(this.#db, [sweepId, nowUs]);
  }

  async keep(sweepId: string, state: StormState, watched: Watched | null): Promise<void> {
    const { heldSinceUs, releasedAtUs, releasedWhy, partialSinceUs, cameBack, cameBackAtUs } = state;
    await this.#keep.run(this.#db, [
      sweepId,
      heldSinceUs,
      releasedAtUs,
      releasedWhy,
      partialSinceUs,
      cameBack,
      cameBackAtUs,
      watched?.rows ?? 0,
      watched?.beforeUs ?? null,
      watched?.atUs ?? null,
      state.formingSinceUs,
    ]);
  }
}
