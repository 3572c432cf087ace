import { InvalidArgumentError } from './errors.ts';
import { isStatus, type Status, statuses } from './transitions.ts';

/** Characters of an id; the tables' length constraints say the same. */
export const ID_LENGTH_MAX = 200;
/** Ids in one heartbeatMany: bounds the statement and the locks it takes. */
export const HEARTBEAT_IDS_MAX = 10_000;
/** Later than any real deadline, and earlier than the years that ISO 8601 writes with a sign. */
const INSTANT_MAX_MS = Date.UTC(9999, 11, 31);
const ISO_INSTANT = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:\d{2})$/;
/** Ten years: an epoch timestamp given by mistake is above it. */
const DURATION_MAX_MS = 10 * 365 * 24 * 3_600_000;

export function assertText(field: string, value: unknown): asserts value is string {
  if (typeof value !== 'string') throw new InvalidArgumentError(field, `must be a string, not ${typeOf(value)}`);
  if (value.includes('\0')) throw new InvalidArgumentError(field, 'must not contain the NUL character (U+0000)');
  if (!value.isWellFormed())
    throw new InvalidArgumentError(field, 'must not contain a lone surrogate (U+D800..U+DFFF)');
}

/** Counted in code points, as PostgreSQL's char_length does. */
export function assertId(field: string, value: unknown): asserts value is string {
  assertText(field, value);
  if (value.length === 0) throw new InvalidArgumentError(field, `must have 1 to ${ID_LENGTH_MAX} characters, not 0`);
  if (value.length <= ID_LENGTH_MAX) return;
  const characters = value.length > 2 * ID_LENGTH_MAX ? value.length : [...value].length;
  if (characters > ID_LENGTH_MAX) {
    throw new InvalidArgumentError(field, `must have 1 to ${ID_LENGTH_MAX} characters, not ${characters}`);
  }
}

export function assertStatus(field: string, value: unknown): asserts value is Status {
  if (!isStatus(value)) throw new InvalidArgumentError(field, `must be one of ${statuses.join(', ')}`);
}

export function assertIds(field: string, value: unknown): asserts value is readonly string[] {
  if (!Array.isArray(value)) throw new InvalidArgumentError(field, `must be an array of ids, not ${typeOf(value)}`);
  if (value.length > HEARTBEAT_IDS_MAX) {
    throw new InvalidArgumentError(field, `must have at most ${HEARTBEAT_IDS_MAX} ids, not ${value.length}`);
  }
  for (const [index, id] of value.entries()) assertId(`${field}[${index}]`, id);
}

/** A finite, positive number of milliseconds. */
export function assertDurationMs(field: string, value: unknown): asserts value is number {
  if (typeof value !== 'number' || !(value > 0 && value <= DURATION_MAX_MS)) {
    throw new InvalidArgumentError(field, `must be a positive number of milliseconds, at most ${DURATION_MAX_MS}`);
  }
}

/** An instant given as a Date or as ISO 8601 text with a zone. */
export function instantOf(field: string, value: unknown): Date {
  const instant = typeof value === 'string' && isIsoInstant(value) ? new Date(value) : value;
  if (!(instant instanceof Date) || !(instant.getTime() >= 0 && instant.getTime() <= INSTANT_MAX_MS)) {
    throw new InvalidArgumentError(
      field,
      'must be a valid Date, or ISO 8601 text with a zone, of the years 1970 to 9999',
    );
  }
  return instant;
}

/** Date takes the 31st of February for the 3rd of March: the day must come back as it was given. */
function isIsoInstant(text: string): boolean {
  if (!ISO_INSTANT.test(text)) return false;
  const day = text.slice(0, 'YYYY-MM-DD'.length);
  const midnight = new Date(`${day}T00:00:00Z`);
  return !Number.isNaN(midnight.getTime()) && midnight.toISOString().startsWith(day);
}

/**
 * The body as JSON text, null when there is none.
 * @throws InvalidArgumentError for what JSON or PostgreSQL's jsonb cannot hold.
 */
export function jsonBody(field: string, body: unknown): string | null {
  if (body === undefined || body === null) return null;
  let json: string | undefined;
  try {
    json = JSON.stringify(body, (key, value) => {
      assertText(field, key);
      if (typeof value === 'string' || value instanceof String) assertText(field, String(value));
      return value;
    });
  } catch (err) {
    if (err instanceof InvalidArgumentError) throw err;
    throw new InvalidArgumentError(field, `must be JSON: ${(err as Error).message}`);
  }
  if (json === undefined) throw new InvalidArgumentError(field, `must be JSON, not ${typeOf(body)}`);
  return json;
}

/** What an answer or a log line calls an id that may be none; never throws. */
export function idText(value: unknown): string {
  return typeof value === 'string' ? value : `(${typeOf(value)})`;
}

function typeOf(value: unknown): string {
  return value === null ? 'null' : Array.isArray(value) ? 'an array' : typeof value;
}
