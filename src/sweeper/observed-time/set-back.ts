import { isOneOf, Statement } from '../../db/positional-statement.ts';
import type { LedgerDb } from '../../db/schema.ts';
import { sourcesOf } from '../../ledger/transitions.ts';
import { type Micros, timestampOf } from '../instant.ts';
import type { SweeperTables } from '../tables.ts';

const BATCH_ROWS = 1000;
/** What the storm guard remembers of sweeps that have been: one of the future would keep a hold from ending. */
const stormInstants = [
  'storm_forming_since',
  'storm_held_since',
  'storm_released_at',
  'storm_partial_since',
  'storm_came_back_at',
  'storm_watched_before',
  'storm_watched_at',
];

/** A fleet is not larger than this; what is left has the next beat's turn. */
const BATCHES_MAX = 10_000;

/**
 * After the database's clock was set back: what lies in the future is taken back to the clock. A stamp from the future
 * would keep a dead agent's row fresh until the clock has caught up.
 */
export class SetBack {
  readonly #db: LedgerDb;
  readonly #heartbeats: Statement<{ delegationId: string }>;
  readonly #ownRows: Statement<never>;

  constructor(db: LedgerDb, { delegations, gaps, lowerings, sweeperState }: SweeperTables) {
    const now = timestampOf('$1');
    this.#db = db;
    // By the index of buckets, the newest first: behind the living there is nothing to find.
    this.#heartbeats = new Statement(`
WITH future AS MATERIALIZED (
  SELECT d.delegation_id FROM ${delegations} d
  WHERE ${isOneOf('d.status', sourcesOf('stuck'))} AND d.last_heartbeat > ${now}
    AND d.heartbeat_bucket >= date_bin('5 minutes', ${now}, '1970-01-01 00:00:00+00'::timestamptz)
  ORDER BY d.heartbeat_bucket DESC, d.delegation_id DESC LIMIT ${BATCH_ROWS} FOR NO KEY UPDATE SKIP LOCKED)
UPDATE ${delegations} d SET last_heartbeat = ${now}
FROM future WHERE d.delegation_id = future.delegation_id RETURNING d.delegation_id AS "delegationId"`);
    // The other daemons' rows stay as they are: each compares its own with what it remembers.
    // Of gaps and lowerings, what has begun ends now; of several lowerings to come the longest threshold stays.
    this.#ownRows = new Statement(`
WITH gaps AS (DELETE FROM ${gaps} WHERE gap_end > ${now} RETURNING gap_start, kind),
cut AS (
  INSERT INTO ${gaps} (gap_start, gap_end, kind)
  SELECT min(gap_start), ${now}, CASE WHEN bool_or(kind = 'rewound') THEN 'rewound' ELSE 'unwatched' END
  FROM gaps WHERE gap_start < ${now} HAVING count(*) > 0 ON CONFLICT DO NOTHING),
lowerings AS (DELETE FROM ${lowerings} WHERE lowered_at > ${now} RETURNING stuck_after_ms),
lowered AS (
  INSERT INTO ${lowerings} (lowered_at, stuck_after_ms)
  SELECT ${now}, max(stuck_after_ms) FROM lowerings HAVING count(*) > 0 ON CONFLICT DO NOTHING)
UPDATE ${sweeperState} SET ${stormInstants.map((column) => `${column} = CASE WHEN ${column} > ${now} THEN ${now} ELSE ${column} END`).join(', ')}
WHERE singleton AND (${stormInstants.map((column) => `${column} > ${now}`).join(' OR ')})`);
  }

  /** @throws the database's error. Called again it changes nothing. */
  async takeBack(nowUs: Micros): Promise<void> {
    await this.#ownRows.run(this.#db, [nowUs]);
    for (let batch = 0; batch < BATCHES_MAX; batch += 1) {
      const rows = await this.#heartbeats.run(this.#db, [nowUs]);
      if (rows.length < BATCH_ROWS) return;
    }
  }
}
