import { InvalidArgumentError } from './errors.ts';
import {
  DURATION_MAX_MS,
  HEARTBEAT_IDS_MAX,
  ID_LENGTH_MAX,
  NOTE_LENGTH_MAX,
  THRESHOLD_MAX_MS,
  THRESHOLD_MIN_MS,
} from './limits.ts';
import { isStatus, type Status, statuses } from './transitions.ts';

/** Later than any real deadline, and earlier than the years that ISO 8601 writes with a sign. */
const INSTANT_MAX_MS = Date.UTC(9999, 11, 31);
const ISO_INSTANT = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:\d{2})$/;

/** In JSON text: an escape, whole, so that the backslash of `\\\\u0000`, which is text, is never taken for one. */
const JSON_ESCAPE = /\\(?:u[0-9a-f]{4}|.)/g;
/** The escapes that PostgreSQL's jsonb refuses. JSON.stringify escapes a surrogate only where it is alone. */
const REFUSED_ESCAPE = /^\\u(?:0000|d[89a-f][0-9a-f]{2})$/;
const REPLACEMENT = '\ufffd';

/**
 * A text as the database can hold it: NUL and lone surrogates, which models write and slices through an emoji leave,
 * become U+FFFD. @throws InvalidArgumentError for anything but a string.
 */
export function storableText(field: string, value: unknown): string {
  if (typeof value !== 'string') throw new InvalidArgumentError(field, `must be a string, not ${typeOf(value)}`);
  return value.toWellFormed().replaceAll('\0', REPLACEMENT);
}

/** A name or an address. Unlike a text that a model wrote, it is refused and not corrected. */
export function assertText(field: string, value: unknown): asserts value is string {
  if (typeof value !== 'string') throw new InvalidArgumentError(field, `must be a string, not ${typeOf(value)}`);
  if (/\p{Cc}/u.test(value)) {
    throw new InvalidArgumentError(field, 'must not contain control characters (U+0000..U+001F, U+007F..U+009F)');
  }
  if (!value.isWellFormed()) {
    throw new InvalidArgumentError(field, 'must not contain a lone surrogate (U+D800..U+DFFF)');
  }
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

/** A short text of a person or a model, about a wait or about progress. @throws InvalidArgumentError */
export function noteText(field: string, value: unknown): string {
  const text = storableText(field, value);
  const characters = text.length > 2 * NOTE_LENGTH_MAX ? text.length : [...text].length;
  if (characters >= 1 && characters <= NOTE_LENGTH_MAX) return text;
  throw new InvalidArgumentError(field, `must have 1 to ${NOTE_LENGTH_MAX} characters, not ${characters}`);
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

/** For what goes on by itself, and needs connections of its own. */
export function assertNoTransaction(db: { readonly isTransaction: boolean }, method: string, why: string): void {
  if (db.isTransaction) throw new InvalidArgumentError('db', `must not be a transaction for ${method}: ${why}`);
}

/** A positive number of milliseconds up to the longest that is accepted, ten years by default. */
export function assertDurationMs(
  field: string,
  value: unknown,
  maxMs: number = DURATION_MAX_MS,
): asserts value is number {
  if (typeof value !== 'number' || !(value > 0 && value <= maxMs)) {
    throw new InvalidArgumentError(field, `must be a positive number of milliseconds, at most ${maxMs}`);
  }
}

/** A threshold: a whole number of milliseconds from one second to thirty days. */
export function assertThresholdMs(field: string, value: unknown): asserts value is number {
  if (Number.isInteger(value) && (value as number) >= THRESHOLD_MIN_MS && (value as number) <= THRESHOLD_MAX_MS) return;
  throw new InvalidArgumentError(
    field,
    `must be a whole number of milliseconds from ${THRESHOLD_MIN_MS} to ${THRESHOLD_MAX_MS}`,
  );
}

/** W3C Trace Context: version, trace id, parent id and flags; later versions may append. */
const TRACEPARENT = /^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}/;

export function assertTraceparent(field: string, value: unknown): asserts value is string {
  assertId(field, value);
  if (!TRACEPARENT.test(value)) throw new InvalidArgumentError(field, 'must be a W3C trace context');
}

/** An instant, or milliseconds from now: not both. Null where neither is given. */
export function instantOrDuration(
  fields: { readonly instant: string; readonly duration: string },
  instant: unknown,
  durationMs: unknown,
  maxMs?: number,
): { readonly instant: Date | null; readonly durationMs: number | null } {
  if (instant != null && durationMs != null) {
    throw new InvalidArgumentError(fields.duration, `must not be given together with ${fields.instant}`);
  }
  if (durationMs != null) assertDurationMs(fields.duration, durationMs, maxMs);
  return {
    instant: instant == null ? null : instantOf(fields.instant, instant),
    durationMs: durationMs ?? null,
  };
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

/** Levels of arrays and objects in a body; PostgreSQL's own limit is about ten times as high, and its max_stack_depth lowers it. */
const BODY_DEPTH_MAX = 1_000;
const NOT_KEPT = '(nested too deeply, or too large, to be kept)';

/**
 * The body as JSON text, null when there is none. NUL and lone surrogates, in keys and values, become U+FFFD; what is nested
 * more deeply than the database takes is kept as the text of its JSON, or, where JavaScript cannot write it, as a note.
 * @throws InvalidArgumentError for what JSON cannot hold: a cycle, a BigInt, a function.
 */
export function jsonBody(field: string, body: unknown): string | null {
  if (body === undefined || body === null) return null;
  let json: string | undefined;
  try {
    json = JSON.stringify(body);
  } catch (err) {
    if (err instanceof RangeError) return JSON.stringify(NOT_KEPT);
    throw new InvalidArgumentError(field, `must be JSON: ${(err as Error).message}`);
  }
  if (json === undefined) throw new InvalidArgumentError(field, `must be JSON, not ${typeOf(body)}`);
  const storable = json.replace(JSON_ESCAPE, (sequence) => (REFUSED_ESCAPE.test(sequence) ? REPLACEMENT : sequence));
  return depthOf(storable) > BODY_DEPTH_MAX ? JSON.stringify(storable) : storable;
}

function depthOf(json: string): number {
  if (json.length <= 2 * BODY_DEPTH_MAX) return 0;
  const [quote, backslash, opening, closing] = [0x22, 0x5c, 0x7b, 0x7d];
  let [depth, deepest, isText] = [0, 0, false];
  for (let index = 0; index < json.length; index += 1) {
    const code = json.charCodeAt(index);
    if (code === quote) isText = !isText;
    else if (isText && code === backslash) index += 1;
    // A square bracket differs from a brace in one bit.
    else if (!isText && (code | 0x20) === opening) {
      depth += 1;
      deepest = Math.max(deepest, depth);
    } else if (!isText && (code | 0x20) === closing) depth -= 1;
  }
  return deepest;
}

/** The id in a result or a log line, where the value may not be an id at all; never throws. */
export function idText(value: unknown): string {
  return typeof value === 'string' ? value : `(${typeOf(value)})`;
}

/** The same for a log line: never empty, and never longer than an id can be. */
export function loggedId(value: unknown): string {
  return idText(value).slice(0, ID_LENGTH_MAX) || '(none)';
}

function typeOf(value: unknown): string {
  return value === null ? 'null' : Array.isArray(value) ? 'an array' : typeof value;
}
