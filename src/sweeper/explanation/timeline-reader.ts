import type { LedgerDb } from '../../db/schema.ts';
import type { SweeperTables } from '../tables.ts';
import { type ActivityEntry, activityCountStatement, activityStatement } from './statements/activity.ts';
import type { Timeline, TimelineEntry } from './timeline.ts';

/** Of a longer timeline the first and the last so many entries. */
const FIRST_MAX = 20;
const LAST_MAX = 30;
/** Entries are counted up to this. */
const COUNT_MAX = 10_000;

/** Reads a delegation's activity: all of it, or the beginning and the end of a long one. */
export class TimelineReader {
  readonly #oldest: ReturnType<typeof activityStatement>;
  readonly #newest: ReturnType<typeof activityStatement>;
  readonly #count: ReturnType<typeof activityCountStatement>;

  constructor(tables: SweeperTables) {
    this.#oldest = activityStatement(tables, 'ASC');
    this.#newest = activityStatement(tables, 'DESC');
    this.#count = activityCountStatement(tables);
  }

  /** @throws the database's error. */
  async read(db: LedgerDb, delegationId: string, previews: boolean): Promise<Timeline> {
    const all = FIRST_MAX + LAST_MAX;
    const oldest = await this.#oldest.run(db, { delegationId, previews, entriesMax: all + 1 });
    if (oldest.length <= all) return { first: entriesOf(oldest), leftOut: 0, leftOutIsCapped: false, last: [] };
    // One more, since when the first of them is dated from the entry before it.
    const newest = await this.#newest.run(db, { delegationId, previews, entriesMax: LAST_MAX + 1 });
    const [{ count } = { count: 0 }] = await this.#count.run(db, { delegationId, countMax: COUNT_MAX });
    return {
      first: entriesOf(oldest.slice(0, FIRST_MAX)),
      leftOut: count - all,
      leftOutIsCapped: count === COUNT_MAX,
      last: entriesOf(newest.toReversed()).slice(1),
    };
  }
}

function entriesOf(entries: readonly ActivityEntry[]): TimelineEntry[] {
  return entries.map(({ at, ...entry }, i) => {
    const before = entries[i - 1];
    const sinceBeforeMs = before === undefined ? null : at.getTime() - before.at.getTime();
    return { ...entry, at: at.toISOString(), sinceBeforeMs };
  });
}
