import { limited } from '../../db/limited.ts';
import type { LedgerDb } from '../../db/schema.ts';
import type { EventLog } from '../../log/event-log.ts';
import { type Notices, REPORT_LIMIT_MS } from '../notices.ts';
import { oldSnapshotsStatement } from './statements/old-snapshots.ts';

/** During a younger snapshot few dead index entries accumulate. */
const SNAPSHOT_AGE = '2 minutes';
/** Each session is logged once, and again a day later if it is still there. */
const REPEAT_AFTER = '1 day';

/**
 * Logs the sessions whose old snapshot keeps vacuum, and the sweeps' own index scans, from removing the entries that
 * heartbeats leave behind: sweeps become slower until the session ends. Emits sweep.snapshot_held.
 */
export class SnapshotReport {
  readonly #db: LedgerDb;
  readonly #log: EventLog;
  readonly #notices: Notices;
  readonly #oldSnapshots = oldSnapshotsStatement();

  constructor(db: LedgerDb, log: EventLog, notices: Notices) {
    this.#db = db;
    this.#log = log;
    this.#notices = notices;
  }

  /** @throws the database's error. */
  async report(olderThan = SNAPSHOT_AGE): Promise<void> {
    const read = limited(this.#db, REPORT_LIMIT_MS, (session) => this.#oldSnapshots.run(session, { olderThan }));
    const bySubject = new Map((await read).map(({ subject, ...session }) => [subject, session]));
    for (const subject of await this.#notices.claim('snapshot_held', [...bySubject.keys()], REPEAT_AFTER)) {
      this.#log.emit('sweep.snapshot_held', bySubject.get(subject)!);
    }
  }
}
