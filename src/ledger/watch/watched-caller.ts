import { boundedRead } from '../../db/bounded-read.ts';
import { MICROS_PER_MS } from '../../db/instant.ts';
import type { LedgerDb } from '../../db/schema.ts';
import type { ActivityEvent } from '../activity.ts';
import { streamPlaceStatement, watchedStreamStatement } from '../statements/watched-stream.ts';
import type { LedgerTables } from '../tables.ts';
import type { DelegationChange } from './change.ts';
import { changeOf } from './change-of.ts';
import { advance, cutAt, type StreamPlace, type StreamReading } from './stream-place.ts';
import { watchCursorOf } from './watch-cursor.ts';
import { LOOK_TIMEOUT_MS, type Look, type Watched } from './watched.ts';

/** A database that went back in time is read again from so long before the last activity read: clocks of two servers differ. */
const BACK_MS = 30_000;
/** What was yielded is remembered for so long, so that it is not yielded again then. */
const REMEMBERED_MS = 2 * BACK_MS;
const NOTHING: Look = { changes: [], isOver: false, hasMore: false };

interface Read {
  readonly reading: StreamReading;
  readonly changes: readonly { readonly change: DelegationChange; readonly activityId: number; readonly at: number }[];
}

/** All delegations of one caller, without end. */
export class WatchedCaller implements Watched {
  readonly #db: LedgerDb;
  readonly #callerId: string;
  readonly #events: readonly string[];
  readonly #statement: ReturnType<typeof watchedStreamStatement>;
  readonly #placeStatement: ReturnType<typeof streamPlaceStatement>;
  /** Null until the first look, which finds out where now is. */
  #place: StreamPlace | null;
  /** Until all of the last look is handed out: where it began, and what it read. */
  #before: { readonly place: StreamPlace; readonly read: Read; handedOut: number } | null = null;
  /** What was written before this instant is none of this watch's: an earlier one had it, or nobody. */
  #beganAt: number;
  /** While the place is looked for: all activities from this id on are newer than it. */
  #newerFrom = Number.MAX_SAFE_INTEGER;
  /** When what was yielded was written, by its id. */
  readonly #yielded = new Map<number, number>();

  constructor(
    db: LedgerDb,
    tables: LedgerTables,
    callerId: string,
    events: ReadonlySet<ActivityEvent>,
    after: StreamPlace | null,
    searchPage?: number,
  ) {
    this.#db = db;
    this.#callerId = callerId;
    this.#events = [...events];
    this.#statement = watchedStreamStatement(tables);
    this.#placeStatement = streamPlaceStatement(tables, searchPage);
    this.#place = after;
    this.#beganAt = beginningAt(after);
  }

  get cursor(): string | null {
    if (this.#place === null) return null;
    if (this.#before === null || this.#before.handedOut === this.#before.read.changes.length) {
      return watchCursorOf(this.#place);
    }
    const { place, read, handedOut } = this.#before;
    const last = read.changes[handedOut - 1];
    return watchCursorOf(last === undefined ? place : advance(place, cutAt(read.reading, last.activityId, last.at)));
  }

  async look(): Promise<() => Look> {
    const place = this.#place;
    const gaps = place?.gaps ?? [];
    const read = {
      callerId: this.#callerId,
      events: this.#events,
      position: place?.position ?? null,
      firsts: gaps.map(({ first }) => first),
      lasts: gaps.map(({ last }) => last),
    };
    const rows = await boundedRead(this.#db, LOOK_TIMEOUT_MS, (db) => this.#statement.run(db, read));
    const { islands, isFull, lastAt, xmin, nextXid, positionAt } = rows[0]!;
    const reading = { islands: islands!, isFull, lastAt, xmin, nextXid };
    if (place === null) return () => this.#begin(reading);
    if (place.positionAt !== null && place.positionAt !== positionAt) return this.#findPlace(place, place.positionAt);
    const changes = rows.flatMap((row) =>
      row.activityId === null ? [] : [{ change: changeOf(row), activityId: row.activityId, at: row.at! }],
    );
    return () => this.#take(place, { reading, changes });
  }

  onOutage(): void {
    this.#newerFrom = Number.MAX_SAFE_INTEGER;
  }

  handedOut(): void {
    this.#before!.handedOut += 1;
  }

  /** Nothing has been read yet: the gaps of the last page are what may still be written by transactions that are running. */
  #begin(reading: StreamReading): Look {
    const position = (reading.islands[0]?.[0] ?? 1) - 1;
    this.#place = advance({ position, positionAt: null, gaps: [] }, { ...reading, isFull: false });
    this.#beganAt = beginningAt(this.#place);
    return NOTHING;
  }

  /**
   * The activity at the position is not the one that was read: a backup was restored, a standby had lagged, or it has been
   * pruned. Ids are drawn again then that were read with another content, so the place is found by the time: one page per look,
   * since the time of a look is bounded. Only where all of the stream is newer does it begin anew.
   */
  async #findPlace({ gaps }: StreamPlace, positionAt: number): Promise<() => Look> {
    const before = Math.max(positionAt - BACK_MS * MICROS_PER_MS, this.#beganAt);
    const below = this.#newerFrom;
    const [found] = await boundedRead(this.#db, LOOK_TIMEOUT_MS, (db) =>
      this.#placeStatement.run(db, { before, below }),
    );
    return () => {
      this.#newerFrom = found?.isBefore === false ? found.position : Number.MAX_SAFE_INTEGER;
      if (found?.isBefore === false) return { ...NOTHING, hasMore: true };
      this.#before = null;
      const { position, positionAt } = found ?? { position: 0, positionAt: null };
      this.#place = { position, positionAt, gaps: gaps.filter(({ last }) => last < position) };
      return { ...NOTHING, hasMore: true };
    };
  }

  #take(place: StreamPlace, read: Read): Look {
    this.#newerFrom = Number.MAX_SAFE_INTEGER;
    this.#place = advance(place, read.reading);
    const fresh = read.changes.filter(({ activityId, at }) => this.#yielded.get(activityId) !== at);
    this.#before = { place, read: { ...read, changes: fresh }, handedOut: 0 };
    for (const { activityId, at } of fresh) {
      this.#yielded.delete(activityId);
      this.#yielded.set(activityId, at);
    }
    this.#forget((this.#place.positionAt ?? 0) - REMEMBERED_MS * MICROS_PER_MS);
    return { changes: fresh.map(({ change }) => change), isOver: false, hasMore: read.reading.isFull };
  }

  #forget(before: number): void {
    for (const [activityId, at] of this.#yielded) {
      if (at >= before) return;
      this.#yielded.delete(activityId);
    }
  }
}

function beginningAt(place: StreamPlace | null): number {
  return place?.positionAt == null ? 0 : place.positionAt + 1;
}
