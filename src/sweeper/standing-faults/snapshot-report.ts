import { limited } from '../../db/limited.ts';
import { Statement } from '../../db/positional-statement.ts';
import type { LedgerDb } from '../../db/schema.ts';
import type { EventLog } from '../../log/event-log.ts';
import { type Notices, REPORT_LIMIT_MS } from './notices.ts';
import { type Session, sessionColumns } from './sessions.ts';

/** A snapshot younger than this has not let many dead index entries gather. */
const SNAPSHOT_AGE = '2 minutes';
/** Logged once a session; a session that is still there a day later is logged again. */
const REPEAT_AFTER = '1 day';
const SESSIONS_NAMED_MAX = 5;

/** Parameter: the age. An autovacuum worker's own snapshot holds up nobody. */
const oldSnapshots = new Statement<Session & { readonly subject: string }>(`
SELECT a.pid || '/' || extract(epoch FROM a.backend_start) AS "subject", ${sessionColumns}
FROM pg_stat_activity a
WHERE a.datname = current_database() AND a.backend_xmin IS NOT NULL AND a.pid <> pg_backend_pid()
  AND a.backend_type IS DISTINCT FROM 'autovacuum worker' AND a.xact_start < clock_timestamp() - $1::interval
ORDER BY a.xact_start LIMIT ${SESSIONS_NAMED_MAX}`);

/**
 * Names the sessions whose old snapshot keeps vacuum, and the sweeps' own index scans, from removing the entries that
 * heartbeats leave behind: sweeps get slower until it ends.
 */
export class SnapshotReport {
  readonly #db: LedgerDb;
  readonly #log: EventLog;
  readonly #notices: Notices;

  constructor(db: LedgerDb, log: EventLog, notices: Notices) {
    this.#db = db;
    this.#log = log;
    this.#notices = notices;
  }

  async report(olderThan = SNAPSHOT_AGE): Promise<void> {
    const sessions = await limited(this.#db, REPORT_LIMIT_MS, (session) => oldSnapshots.run(session, [olderThan]));
    const bySubject = new Map(sessions.map(({ subject, ...session }) => [subject, session]));
    for (const subject of await this.#notices.due('snapshot_held', [...bySubject.keys()], REPEAT_AFTER)) {
      this.#log.emit('sweep.snapshot_held', bySubject.get(subject)!);
    }
  }
}
