/** Instants as PostgreSQL keeps them: whole microseconds since 1970, in a number (exact to the year 2255). */
export type Micros = number;

export const MICROS_PER_MS = 1000;

/** The first and last instants that ISO 8601 writes with four digits; PostgreSQL has earlier and later, and infinity. */
export const ISO_MIN_MS = -62_135_596_800_000;
export const ISO_MAX_MS = 253_402_300_799_999;

/** SQL: these. */
export const FIRST_INSTANT = `'0001-01-01 00:00:00+00'::timestamptz`;
export const LAST_INSTANT = `'9999-12-31 23:59:59.999+00'::timestamptz`;

/**
 * SQL: a timestamptz expression as Micros, a bigint. What lies before the year 1 or after 9999, infinity included, becomes
 * their first and last instant: a bigint would overflow, and a Date has no such year.
 */
export function microsOf(expression: string): string {
  return `CASE WHEN ${expression} < ${FIRST_INSTANT} THEN ${ISO_MIN_MS * MICROS_PER_MS}
    WHEN ${expression} > ${LAST_INSTANT} THEN ${ISO_MAX_MS * MICROS_PER_MS}
    ELSE (extract(epoch FROM ${expression}) * 1000000)::bigint END`;
}

/** SQL: an expression in Micros as a timestamptz. Stable, so that an index condition can use it. */
export function timestampOf(micros: string): string {
  return `('1970-01-01 00:00:00+00'::timestamptz + ${micros}::float8 * interval '1 microsecond')`;
}

/** To the millisecond, which is as fine as a Date is. */
export function dateOf(micros: Micros): Date {
  return new Date(Math.floor(micros / MICROS_PER_MS));
}
