import { limited } from '../db/limited.ts';
import type { LedgerDb } from '../db/schema.ts';
import { claimNoticesStatement } from './statements/claim-notices.ts';
import { pruneNoticesStatement } from './statements/prune-notices.ts';
import type { SweeperTables } from './tables.ts';

/** All replicas together log a standing fault once in this time. */
const REPEAT_AFTER = '1 hour';
/** Limit of one statement of a report, which must not delay the next sweep. */
export const REPORT_LIMIT_MS = 3_000;

export type NoticeKind = 'poisoned' | 'row_locked' | 'snapshot_held' | 'daily';

/**
 * Remembers in the database what has been logged, so that a standing fault does not flood the log, however many replicas
 * meet it. For what one process alone meets, see `Repeats`.
 */
export class Notices {
  readonly #db: LedgerDb;
  readonly #claim: ReturnType<typeof claimNoticesStatement>;
  readonly #prune: ReturnType<typeof pruneNoticesStatement>;

  constructor(db: LedgerDb, tables: SweeperTables) {
    this.#db = db;
    this.#claim = claimNoticesStatement(tables);
    this.#prune = pruneNoticesStatement(tables);
  }

  /** Of these subjects, those to log now; from now on they count as logged. @throws the database's error. */
  async claim(kind: NoticeKind, subjects: readonly string[], repeatAfter = REPEAT_AFTER): Promise<string[]> {
    if (subjects.length === 0) return [];
    const values = { kind, subjects, repeatAfter };
    const rows = await limited(this.#db, REPORT_LIMIT_MS, (session) => this.#claim.run(session, values));
    return rows.map(({ subject }) => subject);
  }

  /** @throws the database's error. */
  async prune(): Promise<void> {
    await limited(this.#db, REPORT_LIMIT_MS, (session) => this.#prune.run(session, {}));
  }
}
