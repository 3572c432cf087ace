import { limited } from '../../db/limited.ts';
import { Statement } from '../../db/positional-statement.ts';
import type { LedgerDb } from '../../db/schema.ts';
import type { SweeperTables } from '../tables.ts';

/** Standing faults are logged once in this time by all replicas together, not once a sweep. */
const REPEAT_AFTER = '1 hour';
/** A fault not met for this long is forgotten. */
const FORGET_AFTER = '1 day';
/** Given to one statement of a report: nobody's work waits for it, and it must not hold up the next sweep. */
export const REPORT_LIMIT_MS = 3_000;

export type NoticeKind = 'poisoned' | 'row_locked' | 'snapshot_held' | 'daily';

/** Remembers, in the database, what has been logged, so that a standing fault does not flood the log. */
export class Notices {
  readonly #db: LedgerDb;
  readonly #due: Statement<{ subject: string }>;
  readonly #prune: Statement<never>;

  constructor(db: LedgerDb, { notices }: SweeperTables) {
    this.#db = db;
    this.#due = new Statement(`
INSERT INTO ${notices} AS n (kind, subject, noticed_at)
SELECT $1, subject, clock_timestamp() FROM unnest($2::text[]) subject ORDER BY subject
ON CONFLICT (kind, subject) DO UPDATE SET noticed_at = excluded.noticed_at
WHERE n.noticed_at <= excluded.noticed_at - $3::interval
RETURNING subject AS "subject"`);
    this.#prune = new Statement(
      `DELETE FROM ${notices} WHERE noticed_at < clock_timestamp() - interval '${FORGET_AFTER}'`,
    );
  }

  /** Of these subjects, the ones to be logged now; from here on they count as logged. */
  async due(kind: NoticeKind, subjects: readonly string[], repeatAfter = REPEAT_AFTER): Promise<string[]> {
    if (subjects.length === 0) return [];
    const rows = await this.#run(this.#due, [kind, subjects, repeatAfter]);
    return rows.map(({ subject }) => subject);
  }

  async prune(): Promise<void> {
    await this.#run(this.#prune, []);
  }

  #run<Row>(statement: Statement<Row>, parameters: readonly unknown[]): Promise<Row[]> {
    return limited(this.#db, REPORT_LIMIT_MS, (session) => statement.run(session, parameters));
  }
}
