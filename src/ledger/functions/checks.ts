import { literal } from '../../db/literal.ts';
import { DURATION_MAX_MS, ID_LENGTH_MAX, NOTE_LENGTH_MAX, THRESHOLD_MAX_MS, THRESHOLD_MIN_MS } from '../limits.ts';
import { PREVIEW_BYTES_MAX } from '../preview.ts';
import type { Check } from './schema-function.ts';

/** Without a backslash, whose meaning is a setting: U+0001 to U+001F and U+007F to U+009F. */
const controlCharacters = `('[' || chr(1) || '-' || chr(31) || chr(127) || '-' || chr(159) || ']')`;

export function idChecks(name: string, { mayBeNull = false } = {}): Check[] {
  const length = mayBeNull ? `char_length(${name})` : `coalesce(char_length(${name}), 0)`;
  return [
    [
      `${length} NOT BETWEEN 1 AND ${ID_LENGTH_MAX}`,
      `format('${name} must have 1 to ${ID_LENGTH_MAX} characters, not %s', ${length})`,
    ],
    [`${name} ~ ${controlCharacters}`, `'${name} must not contain control characters'`],
  ];
}

/** A text of a person or a model: any character, but not too many. */
export function noteCheck(name: string, { mayBeNull = false } = {}): Check {
  const length = mayBeNull ? `char_length(${name})` : `coalesce(char_length(${name}), 0)`;
  return [
    `${length} NOT BETWEEN 1 AND ${NOTE_LENGTH_MAX}`,
    `format('${name} must have 1 to ${NOTE_LENGTH_MAX} characters, not %s', ${length})`,
  ];
}

export function thresholdCheck(name: string): Check {
  return [
    `${name} NOT BETWEEN ${THRESHOLD_MIN_MS} AND ${THRESHOLD_MAX_MS}`,
    `format('${name} must be from ${THRESHOLD_MIN_MS} to ${THRESHOLD_MAX_MS} milliseconds, not %s', ${name})`,
  ];
}

/** A number of milliseconds that is optional. NaN is greater than all numbers. */
export function durationCheck(name: string, maxMs: number): Check {
  return [
    `NOT (${name} > 0 AND ${name} <= ${maxMs})`,
    `format('${name} must be a positive number of milliseconds, at most ${maxMs}, not %s', ${name})`,
  ];
}

/** A heartbeat's debounce; 0: each is written. */
export const minIntervalCheck: Check = [
  `(min_interval_ms BETWEEN 0 AND ${DURATION_MAX_MS}) IS NOT TRUE`,
  `format('min_interval_ms must be from 0 to ${DURATION_MAX_MS} milliseconds, not %s', coalesce(min_interval_ms::text, 'NULL'))`,
];

/** An instant, or milliseconds from now. */
export function notBothCheck(instant: string, duration: string): Check {
  return [
    `${instant} IS NOT NULL AND ${duration} IS NOT NULL`,
    `'${duration} must not be given together with ${instant}'`,
  ];
}

export function deadlineChecks(): Check[] {
  return [
    [
      `NOT (deadline >= timestamptz 'epoch' AND deadline < timestamptz '9999-12-31 00:00:00+00')`,
      `format('deadline must be an instant of the years 1970 to 9999, not %s', deadline)`,
    ],
    notBothCheck('deadline', 'deadline_ms'),
    durationCheck('deadline_ms', DURATION_MAX_MS),
  ];
}

/**
 * SQL: the text's longest start that a preview column holds. The first byte left out begins a code point: the other bytes
 * of one begin with the bits 10, and there are three of those at most.
 */
export function cutPreview(text: string): string {
  const bytes = `convert_to(${text}, 'UTF8')`;
  return `CASE WHEN octet_length(${text}) <= ${PREVIEW_BYTES_MAX} THEN ${text} ELSE
      convert_from(substr(${bytes}, 1, (SELECT max(n) FROM generate_series(${PREVIEW_BYTES_MAX - 3}, ${PREVIEW_BYTES_MAX}) n
        WHERE get_byte(${bytes}, n) NOT BETWEEN 128 AND 191)), 'UTF8') END`;
}

/** SQL: a literal list of what is accepted, for a message. */
export function listed(values: readonly string[]): string {
  return literal(values.join(', '));
}
