import { limited } from '../../db/limited.ts';
import type { LedgerDb } from '../../db/schema.ts';
import type { EventLog } from '../../log/event-log.ts';
import type { Micros } from '../instant.ts';
import { type Notices, REPORT_LIMIT_MS } from '../notices.ts';
import { type RuleName, rules } from '../pass/rules.ts';
import type { SweepSummary } from '../summary.ts';
import type { SweeperTables } from '../tables.ts';
import type { Staleness } from '../threshold/staleness.ts';
import { lockedRowsStatement } from './statements/locked-rows.ts';

/**
 * Logs the rows that a sweep left because another session keeps them locked, each once an hour. Emits sweep.row_locked.
 */
export class LockReport {
  readonly #db: LedgerDb;
  readonly #log: EventLog;
  readonly #notices: Notices;
  readonly #lockedRows: readonly (readonly [RuleName, ReturnType<typeof lockedRowsStatement>])[];

  constructor(db: LedgerDb, tables: SweeperTables, log: EventLog, notices: Notices) {
    this.#db = db;
    this.#log = log;
    this.#notices = notices;
    this.#lockedRows = rules.map((rule) => [rule.name, lockedRowsStatement(tables, rule)] as const);
  }

  /** Reads nothing after a sweep that left no row. @throws the database's error. */
  async report(sweepId: string, nowUs: Micros, staleness: Staleness, summary: SweepSummary): Promise<void> {
    if (summary.remaining === 0 || summary.truncated) return;
    for (const [rule, statement] of this.#lockedRows) {
      const rows = await limited(this.#db, REPORT_LIMIT_MS, (session) =>
        statement.run(session, { now: nowUs, staleness }),
      );
      const byId = new Map(rows.map((row) => [row.delegationId, row]));
      for (const delegationId of await this.#notices.claim('row_locked', [...byId.keys()])) {
        this.#log.emit('sweep.row_locked', { sweepId, rule, ...byId.get(delegationId)! });
      }
    }
  }
}
