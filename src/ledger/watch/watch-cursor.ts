import { InvalidArgumentError } from '../errors.ts';
import type { StreamPlace } from './stream-place.ts';

/** Opaque to callers. Which transactions are running is not kept: the next look sees that anew. */
export function watchCursorOf({ position, positionAt, gaps }: StreamPlace): string {
  const ranges = gaps.map(({ first, last }) => [first, last]);
  return Buffer.from(JSON.stringify([position, positionAt, ranges])).toString('base64url');
}

/** @throws InvalidArgumentError for anything that is no cursor of `watchCursorOf`. */
export function watchPlaceOf(field: string, cursor: unknown): StreamPlace {
  const place = typeof cursor === 'string' ? read(cursor) : null;
  // Base64 is read leniently: a cursor that was cut or changed would lead to some other place.
  if (place !== null && watchCursorOf(place) === cursor) return place;
  throw new InvalidArgumentError(field, 'must be the cursor of a watch, unchanged');
}

function read(cursor: string): StreamPlace | null {
  try {
    const parts: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString());
    if (!Array.isArray(parts) || parts.length !== 3) return null;
    const [position, positionAt, ranges] = parts as unknown[];
    if (!isId(position) || !(positionAt === null || Number.isSafeInteger(positionAt)) || !Array.isArray(ranges))
      return null;
    let above = 0;
    for (const range of ranges as unknown[]) {
      if (!Array.isArray(range) || range.length !== 2 || !range.every(isId)) return null;
      const [first, last] = range as [number, number];
      if (first <= above || last < first || last >= position) return null;
      above = last;
    }
    const gaps = (ranges as [number, number][]).map(([first, last]) => ({ first, last, writersBelowXid: null }));
    return { position, positionAt: positionAt as number | null, gaps };
  } catch {
    return null;
  }
}

function isId(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
