import { boundedRead } from '../../db/bounded-read.ts';
import type { LedgerDb } from '../../db/schema.ts';
import type { ActivityEvent } from '../activity.ts';
import { CHANGES_OF_ONE_MAX, watchedIdsStatement } from '../statements/watched-ids.ts';
import type { LedgerTables } from '../tables.ts';
import { isTerminal, type Status } from '../transitions.ts';
import type { DelegationChange } from './change.ts';
import { changeOf } from './change-of.ts';
import { LOOK_TIMEOUT_MS, type Look, type Watched } from './watched.ts';

/** What is known of one delegation. */
interface Followed {
  /** The last activity that was read; BEGINNING: none yet. */
  place: number;
  hasEnded: boolean;
  /**
   * Its row says that it has ended, and what was read up to this activity does not: it is read anew, for the end alone. As
   * long as nobody heals it, a row that was written with the triggers off, or restored alone, has no such activity.
   */
  endlessTo: number | null;
  /** The end that was told by the row, since no activity had it; one that is written later is the same. */
  toldByRow: Status | null;
}

/** A place before all activity. */
const BEGINNING = -1;

/**
 * The rows themselves, and the delegations that have ended, are read at the first look, after an outage, and else this seldom:
 * for late results, for rows that were removed, and for a database that went back in time.
 */
const ROWS_EVERY_MS = 10_000;

type Row = Awaited<ReturnType<ReturnType<typeof watchedIdsStatement>['run']>>[number];

/** Delegations that are watched by their ids, until all of them have ended. */
export class WatchedIds implements Watched {
  readonly cursor = null;
  readonly #db: LedgerDb;
  readonly #statement: ReturnType<typeof watchedIdsStatement>;
  readonly #events: ReadonlySet<ActivityEvent>;
  readonly #followed: ReadonlyMap<string, Followed>;
  #rowsReadAtMs = Number.NEGATIVE_INFINITY;

  constructor(db: LedgerDb, tables: LedgerTables, ids: readonly string[], events: ReadonlySet<ActivityEvent>) {
    this.#db = db;
    this.#statement = watchedIdsStatement(tables);
    this.#events = events;
    this.#followed = new Map(
      ids.map((id) => [id, { place: BEGINNING, hasEnded: false, endlessTo: null, toldByRow: null }]),
    );
  }

  async look(): Promise<() => Look> {
    const withRows = performance.now() - this.#rowsReadAtMs >= ROWS_EVERY_MS;
    const asked = [...this.#followed].filter(([, { hasEnded }]) => withRows || !hasEnded);
    if (asked.length === 0) return () => ({ changes: [], isOver: true, hasMore: false });
    const ids = asked.map(([id]) => id);
    const places = asked.map(([, { place }]) => place);
    const read = { ids, places, withRows };
    const rows = await boundedRead(this.#db, LOOK_TIMEOUT_MS, (db) => this.#statement.run(db, read));
    return () =>
      this.#take(
        Map.groupBy(rows, ({ delegationId }) => delegationId),
        withRows,
      );
  }

  onOutage(): void {
    this.#rowsReadAtMs = Number.NEGATIVE_INFINITY;
  }

  #take(found: ReadonlyMap<string, readonly Row[]>, withRows: boolean): Look {
    if (withRows) this.#rowsReadAtMs = performance.now();
    const changes: DelegationChange[] = [];
    let hasMore = false;
    for (const [id, rows] of found) {
      const followed = this.#followed.get(id)!;
      const isNew = followed.place === BEGINNING;
      const recorded = rows.filter(({ activityId }) => activityId !== null);
      for (const row of recorded) {
        followed.place = row.activityId!;
        followed.hasEnded ||= row.toStatus !== null && isTerminal(row.toStatus);
        if (this.#events.has(row.event!) && !isTold(followed, row)) changes.push(changeOf(row));
      }
      if (recorded.length === CHANGES_OF_ONE_MAX) hasMore = true;
      else if (withRows && this.#isUnclear(id, followed, rows[0]!, isNew, changes)) hasMore = true;
    }
    changes.sort((a, b) => idOf(a) - idOf(b));
    const isOver = !hasMore && [...this.#followed.values()].every(({ hasEnded }) => hasEnded);
    return { changes, isOver, hasMore };
  }

  /** Compares the row with what its activity said. True: its activity is to be read anew. */
  #isUnclear(id: string, followed: Followed, row: Row, isNew: boolean, changes: DelegationChange[]): boolean {
    const { status, newestId } = row;
    const wentBack = !isNew && (newestId ?? BEGINNING) < followed.place;
    if (followed.hasEnded) {
      if (wentBack) followed.place = newestId ?? 0;
      return false;
    }
    if (status === null) {
      followed.hasEnded = true;
      changes.push({ delegationId: id, event: 'missing' });
    } else if (isTerminal(status) && (isNew || followed.endlessTo !== null)) {
      // Its activity is gone, or was never written.
      followed.hasEnded = true;
      followed.toldByRow = status;
      if (this.#events.has(`delegation.${status}`)) changes.push(endedBy(row, status));
    } else if (isTerminal(status) || wentBack) {
      followed.endlessTo = wentBack ? null : followed.place;
      followed.place = BEGINNING;
      // Once more with the row: if there is no end then, the row tells it.
      this.#rowsReadAtMs = Number.NEGATIVE_INFINITY;
      return true;
    } else {
      followed.endlessTo = null;
    }
    return false;
  }
}

/** Of an activity that was read before, or by its row. */
function isTold({ hasEnded, endlessTo, toldByRow }: Followed, { activityId, toStatus }: Row): boolean {
  if (!hasEnded) return endlessTo !== null && activityId! <= endlessTo;
  return toldByRow !== null && toStatus === toldByRow;
}

function endedBy(row: Row, status: Status): DelegationChange {
  const event = `delegation.${status}` as const;
  return changeOf({
    ...row,
    event,
    activityId: null,
    fromStatus: null,
    toStatus: status,
    detail: {},
    at: row.finishedAt,
  });
}

/** What no activity says comes last. */
function idOf(change: DelegationChange): number {
  return ('activityId' in change ? change.activityId : null) ?? Number.MAX_SAFE_INTEGER;
}
