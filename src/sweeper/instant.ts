import { FIRST_INSTANT, ISO_MAX_MS, ISO_MIN_MS, LAST_INSTANT, MICROS_PER_MS, type Micros } from '../db/instant.ts';

export { FIRST_INSTANT, MICROS_PER_MS, type Micros, microsOf, timestampOf } from '../db/instant.ts';

/** An instant of the database's clock in ISO 8601, to the millisecond, for what is shown or printed. */
export type IsoInstant = string;

/**
 * SQL: a timestamptz or an interval in whole milliseconds, truncated. date_part is floating point and costs a third of
 * extract; adding half a microsecond, more than its error, keeps 0.123 from becoming 122.
 */
export function wholeMsOf(expression: string): string {
  return `floor(date_part('epoch', ${expression}) * 1000 + 0.0005)::bigint`;
}

/** SQL: a timestamptz in whole milliseconds since 1970; the first or last of them for one that is further away, infinity included. */
export function instantMsOf(expression: string): string {
  return `CASE WHEN ${expression} < ${FIRST_INSTANT} THEN ${ISO_MIN_MS} WHEN ${expression} > ${LAST_INSTANT} THEN ${ISO_MAX_MS}
    ELSE ${wholeMsOf(expression)} END`;
}

export function isoOf(micros: Micros): string {
  return isoOfMs(Math.floor(micros / MICROS_PER_MS));
}

export function isoOfMs(ms: number): string {
  return new Date(Math.min(ISO_MAX_MS, Math.max(ISO_MIN_MS, ms))).toISOString();
}

export function wholeMs(micros: Micros): number {
  return Math.floor(micros / MICROS_PER_MS);
}
