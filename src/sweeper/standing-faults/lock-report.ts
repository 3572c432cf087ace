import { columnList, type RowOf } from '../../db/column.ts';
import { limited } from '../../db/limited.ts';
import { literal, Statement } from '../../db/positional-statement.ts';
import type { LedgerDb } from '../../db/schema.ts';
import type { EventLog } from '../../log/event-log.ts';
import type { Micros } from '../instant.ts';
import { type Rule, type RuleName, rules } from '../pass/rules.ts';
import type { SweepSummary } from '../summary.ts';
import type { SweeperTables } from '../tables.ts';
import type { Staleness } from '../threshold/staleness.ts';
import { type Notices, REPORT_LIMIT_MS } from './notices.ts';
import { sessionColumns } from './statements/session-columns.ts';

type LockedRow = RowOf<typeof sessionColumns> & { readonly delegationId: string };

/** Locked rows that one sweep logs, and rows examined to find them. */
const ROWS_LOGGED_MAX = 20;
const ROWS_EXAMINED_MAX = 1000;

/**
 * Rows that match the rule and that another session keeps locked, so that no sweep can take them, each with that session.
 * The lock's holder is the transaction that the row's xmax names. Where that is a savepoint, as for a heartbeat inside a
 * caller's transaction, PostgreSQL does not show whose: it is the only session that has locks on the table and is old
 * enough; where there are several, the session stays null. So does what pg_stat_activity hides from the daemon's role:
 * grant it pg_read_all_stats.
 */
function lockedRowsStatement({ delegations }: SweeperTables, rule: Rule): Statement<LockedRow> {
  return new Statement(`
WITH touched AS MATERIALIZED (
  SELECT d.delegation_id, d.xmax AS xid FROM ${delegations} d
  WHERE ${rule.matches} AND d.xmax <> '0'::xid ORDER BY d.${rule.key}, d.delegation_id LIMIT ${ROWS_EXAMINED_MAX}),
-- xmax also names transactions that have ended since; whether the row can be locked shows which.
free AS MATERIALIZED (
  SELECT d.delegation_id FROM ${delegations} d
  WHERE d.delegation_id = ANY(ARRAY(SELECT delegation_id FROM touched)) FOR NO KEY UPDATE SKIP LOCKED),
locks AS MATERIALIZED (SELECT * FROM pg_locks WHERE granted AND pid <> pg_backend_pid()),
users AS MATERIALIZED (
  SELECT DISTINCT a.pid, a.backend_xid AS xid FROM locks l JOIN pg_stat_activity a ON a.pid = l.pid
  WHERE l.relation = ${literal(delegations)}::regclass AND l.mode IN ('RowShareLock', 'RowExclusiveLock')
    AND a.datname = current_database() AND a.backend_xid IS NOT NULL)
SELECT t.delegation_id AS "delegationId", ${columnList(sessionColumns)}
FROM touched t
LEFT JOIN locks l ON l.locktype = 'transactionid' AND l.mode = 'ExclusiveLock' AND l.transactionid = t.xid
LEFT JOIN pg_stat_activity a
  ON a.pid = coalesce(l.pid, (SELECT min(u.pid) FROM users u WHERE age(u.xid) > age(t.xid) HAVING count(*) = 1))
WHERE t.delegation_id NOT IN (SELECT delegation_id FROM free)
LIMIT ${ROWS_LOGGED_MAX}`);
}

/**
 * Logs the rows that a sweep left because another session keeps them locked, each once an hour. Emits sweep.row_locked.
 */
export class LockReport {
  readonly #db: LedgerDb;
  readonly #log: EventLog;
  readonly #notices: Notices;
  readonly #lockedRows: ReadonlyMap<RuleName, Statement<LockedRow>>;

  constructor(db: LedgerDb, tables: SweeperTables, log: EventLog, notices: Notices) {
    this.#db = db;
    this.#log = log;
    this.#notices = notices;
    this.#lockedRows = new Map(rules.map((rule) => [rule.name, lockedRowsStatement(tables, rule)]));
  }

  /** Reads nothing after a sweep that left no row. @throws the database's error. */
  async report(sweepId: string, nowUs: Micros, staleness: Staleness, summary: SweepSummary): Promise<void> {
    if (summary.remaining === 0 || summary.truncated) return;
    for (const [rule, statement] of this.#lockedRows) {
      const rows = await limited(this.#db, REPORT_LIMIT_MS, (session) => statement.run(session, [nowUs, staleness]));
      const byId = new Map(rows.map((row) => [row.delegationId, row]));
      for (const delegationId of await this.#notices.claim('row_locked', [...byId.keys()])) {
        this.#log.emit('sweep.row_locked', { sweepId, rule, ...byId.get(delegationId)! });
      }
    }
  }
}
