import { limited } from '../../db/limited.ts';
import { isOneOf, Statement } from '../../db/positional-statement.ts';
import type { LedgerDb } from '../../db/schema.ts';
import { sourcesOf } from '../../ledger/transitions.ts';
import type { EventLog } from '../../log/event-log.ts';
import type { SweeperTables } from '../tables.ts';

/** Rows that one run takes back at most: a batch, as everything that a sweep writes. */
const ROWS_MAX = 1000;
/** Delegations named in one `sweep.stamps_taken_back`. */
const NAMED_MAX = 20;
/** The sweep waits for it; without it the sweep goes on. */
const LIMIT_MS = 5_000;

/**
 * Takes back to the clock what no horizon would ever reach: delegations in progress without a heartbeat, or with one from
 * the future. The database's trigger lets none in, but logical replication and whoever disables triggers go past it.
 * Two probes of the bucket index when there is none. A stamp less than a bucket ahead is left: the clock is there within
 * five minutes. Returns the ids, at most 2000; no parameters.
 */
export function lostStampsStatement({ delegations }: SweeperTables): Statement<{ delegationId: string }> {
  const pick = (where: string, order: string) => `
  SELECT d.delegation_id FROM ${delegations} d WHERE ${isOneOf('d.status', sourcesOf('stuck'))} AND ${where}
  ORDER BY d.heartbeat_bucket ${order}, d.delegation_id ${order} LIMIT ${ROWS_MAX} FOR NO KEY UPDATE SKIP LOCKED`;
  return new Statement(`
WITH clock AS MATERIALIZED (SELECT clock_timestamp() AS now),
unheard AS MATERIALIZED (${pick('d.heartbeat_bucket IS NULL', 'ASC')}),
early AS MATERIALIZED (${pick('d.heartbeat_bucket > (SELECT now FROM clock)', 'DESC')})
UPDATE ${delegations} d SET last_heartbeat = clock_timestamp()
WHERE d.delegation_id = ANY(ARRAY(SELECT delegation_id FROM unheard UNION ALL SELECT delegation_id FROM early))
RETURNING d.delegation_id AS "delegationId"`);
}

/** Runs it, and names what it found. */
export class LostStamps {
  readonly #db: LedgerDb;
  readonly #log: EventLog;
  readonly #takeBack: Statement<{ delegationId: string }>;

  constructor(db: LedgerDb, tables: SweeperTables, log: EventLog) {
    this.#db = db;
    this.#log = log;
    this.#takeBack = lostStampsStatement(tables);
  }

  /** @throws the database's error. */
  async takeBack(sweepId: string): Promise<void> {
    const rows = await limited(this.#db, LIMIT_MS, (session) => this.#takeBack.run(session, []));
    if (rows.length === 0) return;
    const delegationIds = rows.slice(0, NAMED_MAX).map(({ delegationId }) => delegationId);
    this.#log.emit('sweep.stamps_taken_back', { sweepId, count: rows.length, delegationIds });
  }
}
