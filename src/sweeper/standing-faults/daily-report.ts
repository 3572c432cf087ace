import { limited } from '../../db/limited.ts';
import type { LedgerDb } from '../../db/schema.ts';
import type { EventLog } from '../../log/event-log.ts';
import { type Notices, REPORT_LIMIT_MS } from '../notices.ts';
import { falsePositiveRatio } from '../status/day.ts';
import { dayStatement } from '../status/statements/day.ts';
import type { SweeperTables } from '../tables.ts';

const WINDOW_MS = 24 * 3_600_000;

/** Logs once a day, from one of the replicas, how many of the marks were false: the figure by which to set STUCK_AFTER. Emits ledger.daily. */
export class DailyReport {
  readonly #db: LedgerDb;
  readonly #log: EventLog;
  readonly #notices: Notices;
  readonly #day: ReturnType<typeof dayStatement>;

  constructor(db: LedgerDb, tables: SweeperTables, log: EventLog, notices: Notices) {
    this.#db = db;
    this.#log = log;
    this.#notices = notices;
    this.#day = dayStatement(tables);
  }

  /** @throws the database's error. */
  async report(): Promise<void> {
    const claimed = await this.#notices.claim('daily', ['false positives'], '1 day');
    if (claimed.length === 0) return;
    const [day] = await limited(this.#db, REPORT_LIMIT_MS, (session) => this.#day.run(session, {}));
    this.#log.emit('ledger.daily', {
      marked: day!.stuck,
      lateResults: day!.lateResults,
      lateResultRatio: falsePositiveRatio(day!),
      windowMs: WINDOW_MS,
    });
  }
}
