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

/** SQL: holds whenever a check of these ids does, none of which may be NULL, and for long ones. */
export function idsAreSuspect(...names: readonly string[]): string {
  const all = `(${names.join(' || ')})`;
  return `(char_length${all} <= ${ID_LENGTH_MAX} AND '' NOT IN (${names.join(', ')}) AND ${all} !~ ${controlCharacters}) IS NOT TRUE`;
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

/** A heartbeat's debounce, in the parameter of that name or place; 0: each is written. NaN is greater than all numbers. */
export const minIntervalCheck = (parameter = 'min_interval_ms'): Check => [
  `(${parameter} BETWEEN 0 AND ${DURATION_MAX_MS}) IS NOT TRUE`,
  `format('min_interval_ms must be from 0 to ${DURATION_MAX_MS} milliseconds, not %s', coalesce(${parameter}::text, 'NULL'))`,
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

/** SQL: the text's longest start that a preview column holds; NULL of NULL. */
export function cutPreview(text: string): string {
  return `CASE WHEN octet_length(${text}) <= ${PREVIEW_BYTES_MAX} THEN ${text} ELSE ${startOf(text)} END`;
}

/** PL/pgSQL: the same for variables. Short texts cost no more than a look. */
export function cutPreviews(...variables: readonly string[]): string {
  const bytes = variables.map((name) => `octet_length(${name})`);
  return `
  IF ${bytes.length > 1 ? `greatest(${bytes.join(', ')})` : bytes[0]} > ${PREVIEW_BYTES_MAX} THEN${variables
    .map((name) => `\n    ${name} := ${cutPreview(name)};`)
    .join('')}
  END IF;`;
}

/**
 * SQL: of a text that is too long. The first byte left out begins a code point: the other bytes of one begin with the bits
 * 10, and there are three of those at most. A text of a hundred megabytes is first cut to what could fit.
 */
function startOf(text: string): string {
  const bytes = `convert_to(left(${text}, ${PREVIEW_BYTES_MAX + 1}), 'UTF8')`;
  return `convert_from(substr(${bytes}, 1, (SELECT max(n) FROM generate_series(${PREVIEW_BYTES_MAX - 3}, ${PREVIEW_BYTES_MAX}) n
        WHERE get_byte(${bytes}, n) NOT BETWEEN 128 AND 191)), 'UTF8')`;
}

/** SQL: a literal list of what is accepted, for a message. */
export function listed(values: readonly string[]): string {
  return literal(values.join(', '));
}
