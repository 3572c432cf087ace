/**
 * Instants as PostgreSQL keeps them: whole microseconds since 1970, in a number (exact to the year 2255). A Date has
 * milliseconds alone, and "exactly at the threshold" must stay exact.
 */
export type Micros = number;

export const MICROS_PER_MS = 1000;

/** The first and last instants that ISO 8601 writes with four digits; PostgreSQL has earlier and later, and infinity. */
const ISO_MIN_MS = -62_135_596_800_000;
const ISO_MAX_MS = 253_402_300_799_999;

/** SQL: a timestamptz expression as Micros, a bigint. Infinity, which has none, becomes the year 1 or 9999. */
export function microsOf(expression: string): string {
  return `CASE ${expression} WHEN '-infinity'::timestamptz THEN ${ISO_MIN_MS * MICROS_PER_MS}
    WHEN 'infinity'::timestamptz THEN ${ISO_MAX_MS * MICROS_PER_MS} ELSE (extract(epoch FROM ${expression}) * 1000000)::bigint END`;
}

/**
 * SQL: a timestamptz or an interval in whole milliseconds, cut off. date_part is floating point, at a third of
 * extract's cost; half a microsecond more than that errs keeps 0.123 from becoming 122.
 */
export function wholeMsOf(expression: string): string {
  return `floor(date_part('epoch', ${expression}) * 1000 + 0.0005)::bigint`;
}

/** SQL: a bound parameter in Micros as a timestamptz. Stable, so that an index condition can use it. */
export function timestampOf(parameter: string): string {
  return `('1970-01-01 00:00:00+00'::timestamptz + ${parameter}::float8 * interval '1 microsecond')`;
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
