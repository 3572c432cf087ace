import type { Micros } from '../db/instant.ts';
import { assertId } from './arguments.ts';
import { InvalidArgumentError } from './errors.ts';

/** A place in the list, which is ordered by both, newest first. */
export interface ListPlace {
  readonly createdAt: Micros;
  readonly delegationId: string;
}

/** Opaque to callers, and safe in a URL and in a shell without quotes. */
export function cursorOf({ createdAt, delegationId }: ListPlace): string {
  return Buffer.from(JSON.stringify([createdAt, delegationId])).toString('base64url');
}

/** @throws InvalidArgumentError for anything that is no cursor of `cursorOf`. */
export function placeOf(field: string, cursor: unknown): ListPlace {
  const place = typeof cursor === 'string' ? read(cursor) : null;
  // Base64 is read leniently: a cursor that was cut or changed would lead to some other place.
  if (place !== null && cursorOf(place) === cursor) return place;
  throw new InvalidArgumentError(field, 'must be a cursor that list has returned as next, unchanged');
}

function read(cursor: string): ListPlace | null {
  try {
    const parts: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString());
    if (!Array.isArray(parts) || parts.length !== 2) return null;
    const [createdAt, delegationId] = parts as unknown[];
    if (!Number.isSafeInteger(createdAt)) return null;
    assertId('delegationId', delegationId);
    return { createdAt: createdAt as Micros, delegationId };
  } catch {
    return null;
  }
}
