import { limited } from '../../db/limited.ts';
import type { Statement } from '../../db/positional-statement.ts';
import type { LedgerDb } from '../../db/schema.ts';
import type { EventLog } from '../../log/event-log.ts';
import { type Day, dayStatement, falsePositiveRatio } from '../status/day.ts';
import type { SweeperTables } from '../tables.ts';
import { type Notices, REPORT_LIMIT_MS } from './notices.ts';

const WINDOW_MS = 24 * 3_600_000;

/** Logs once a day, by one of the replicas, how many of the marks were false: what STUCK_AFTER is to be set by. */
export class DailyReport {
  readonly #db: LedgerDb;
  readonly #log: EventLog;
  readonly #notices: Notices;
  readonly #day: Statement<Day>;

  constructor(db: LedgerDb, tables: SweeperTables, log: EventLog, notices: Notices) {
    this.#db = db;
    this.#log = log;
    this.#notices = notices;
    this.#day = dayStatement(tables);
  }

  async report(): Promise<void> {
    const due = await this.#notices.due('daily', ['false positives'], '1 day');
    if (due.length === 0) return;
    const [day] = (await limited(this.#db, REPORT_LIMIT_MS, (session) => this.#day.run(session, []))) as [Day];
    this.#log.emit('ledger.daily', {
      marked: day.stuck,
      lateResults: day.lateResults,
      lateResultRatio: falsePositiveRatio(day),
      windowMs: WINDOW_MS,
    });
  }
}
