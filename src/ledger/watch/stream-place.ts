/**
 * How far the stream of activities has been read.
 *
 * Its ids are no order of commits: one is drawn when its delegation is locked, and becomes visible when its transaction
 * commits, perhaps after higher ones of other delegations. So a place is the highest id read, and the gaps below it: ids
 * that were not there to be read. Each look reads what has come into the gaps and what lies above the place: each row once,
 * at the first look that can see it.
 *
 * A gap may also be an id of a transaction that was rolled back, and never fills. Whoever drew an id that lies below one that
 * is visible had begun to write by then, or did so at once afterwards: it has a transaction id by the next look, below the next
 * one to be given then. So a gap is given up at a later look that does not find it, and in whose snapshot all transactions below
 * that one have ended. The snapshot's own xmax would not do: it lies behind the last transaction that has ended, and one
 * that runs may have begun after that. The ids have 64 bits, never wrap, and come to a standby with the log. A transaction that
 * stays open for hours keeps the gaps that it may fill, each an index probe per look, and holds up nothing else.
 */
export interface StreamPlace {
  readonly position: number;
  /** When the activity at the position was written; null where the stream was empty. It shows that the stream is the same one. */
  readonly positionAt: number | null;
  /** In their order, below the position. */
  readonly gaps: readonly Gap[];
}

export interface Gap {
  readonly first: number;
  readonly last: number;
  /** Whoever may still fill it has a lower transaction id. Null where that is not known: it was first seen by the last look, or comes from a cursor. */
  readonly writersBelowXid: number | null;
}

/** What one look, in one snapshot, has read of the gaps and of what lies above the position. */
export interface StreamReading {
  /** The ids that it read, as ranges without a gap, in their order. */
  readonly islands: readonly (readonly [first: number, last: number])[];
  /** Its last one was the last that fitted: what lies above that was not looked at. */
  readonly isFull: boolean;
  /** When the highest of them was written. */
  readonly lastAt: number | null;
  /** All transactions below this one had ended. */
  readonly xmin: number;
  /** The next transaction id to be given. */
  readonly nextXid: number;
}

/**
 * More are not kept: each costs an index probe per look, and so many are left only where thousands of activities are rolled back
 * while a transaction that writes stays open. The oldest are given up then.
 */
export const GAPS_MAX = 10_000;

/** The place after a look. */
export function advance(place: StreamPlace, { islands, isFull, lastAt, xmin, nextXid }: StreamReading): StreamPlace {
  const highest = islands.at(-1)?.[1] ?? 0;
  const readTo = isFull ? highest : Number.POSITIVE_INFINITY;
  const left = place.gaps.flatMap((gap) => {
    if (gap.first > readTo) return [gap];
    // Transaction ids are lower in a database that was restored from a dump.
    const writersBelowXid = Math.min(gap.writersBelowXid ?? nextXid, nextXid);
    const looked = { ...gap, last: Math.min(gap.last, readTo), writersBelowXid };
    const unread = gap.last > readTo ? [{ ...gap, first: readTo + 1 }] : [];
    return writersBelowXid <= xmin ? unread : [...without(looked, islands), ...unread];
  });
  const above = { first: place.position + 1, last: highest, writersBelowXid: null };
  const gaps = [...left, ...without(above, islands)];
  const hasMoved = highest > place.position;
  return {
    position: hasMoved ? highest : place.position,
    positionAt: hasMoved ? lastAt : place.positionAt,
    gaps: gaps.slice(-GAPS_MAX),
  };
}

/** A reading up to an activity that it has read, as if it had been full then. */
export function cutAt(reading: StreamReading, activityId: number, at: number): StreamReading {
  const islands = reading.islands
    .filter(([first]) => first <= activityId)
    .map(([first, last]) => [first, Math.min(last, activityId)] as const);
  return { ...reading, islands, isFull: true, lastAt: at };
}

/** What is left of a gap. */
function without(gap: Gap, islands: StreamReading['islands']): Gap[] {
  const left: Gap[] = [];
  let from = gap.first;
  for (const [first, last] of islands) {
    if (last < from) continue;
    if (first > gap.last) break;
    if (first > from) left.push({ ...gap, first: from, last: first - 1 });
    from = last + 1;
  }
  if (from <= gap.last) left.push({ ...gap, first: from });
  return left;
}
