import type { LedgerDb } from '../../db/schema.ts';
import { Statement } from '../../db/statement.ts';
import type { SweeperTables } from '../tables.ts';

/** Standing faults are logged once in this time by all replicas together, not once a sweep. */
const REPEAT_AFTER = '1 hour';
/** A fault not met for this long is forgotten. */
const FORGET_AFTER = '1 day';

export type NoticeKind = 'poisoned' | 'row_locked' | 'snapshot_held' | 'daily';

/** Remembers, in the database, what has been said, so that a standing fault does not flood the log. */
export class Notices {
  readonly #db: LedgerDb;
  readonly #due: Statement<{ subject: string }>;
  readonly #known: Statement<{ subject: string }>;
  readonly #forget: Statement<never>;
  readonly #prune: Statement<never>;

  constructor(db: LedgerDb, { notices }: SweeperTables) {
    this.#db = db;
    this.#due = new Statement(`
INSERT INTO ${notices} AS n (kind, subject, noticed_at)
SELECT $1, subject, clock_timestamp() FROM unnest($2::text[]) subject ORDER BY subject
ON CONFLICT (kind, subject) DO UPDATE SET noticed_at = excluded.noticed_at
WHERE n.noticed_at <= excluded.noticed_at - $3::interval
RETURNING subject AS "subject"`);
    this.#known = new Statement(
      `SELECT subject AS "subject" FROM ${notices} WHERE kind = $1 ORDER BY noticed_at LIMIT $2::int`,
    );
    this.#forget = new Statement(`DELETE FROM ${notices} WHERE kind = $1 AND subject = ANY($2::text[])`);
    this.#prune = new Statement(
      `DELETE FROM ${notices} WHERE noticed_at < clock_timestamp() - interval '${FORGET_AFTER}'`,
    );
  }

  /** Of these subjects, the ones to be said now; from here on they count as said. */
  async due(kind: NoticeKind, subjects: readonly string[], repeatAfter = REPEAT_AFTER): Promise<string[]> {
    if (subjects.length === 0) return [];
    const rows = await this.#due.run(this.#db, [kind, subjects, repeatAfter]);
    return rows.map(({ subject }) => subject);
  }

  async known(kind: NoticeKind, countMax: number): Promise<string[]> {
    const rows = await this.#known.run(this.#db, [kind, countMax]);
    return rows.map(({ subject }) => subject);
  }

  async forget(kind: NoticeKind, subjects: readonly string[]): Promise<void> {
    if (subjects.length > 0) await this.#forget.run(this.#db, [kind, subjects]);
  }

  async prune(): Promise<void> {
    await this.#prune.run(this.#db, []);
  }
}
