/** Days that the advice rests on, today included. */
export const WINDOW_DAYS = 30;

/** SQL: the day of the database's clock, the same for every session. Stable, so that an index condition can use it. */
export const today = `(statement_timestamp() AT TIME ZONE 'UTC')::date`;

/** SQL: the instant at which the window begins. */
export const windowStart = `statement_timestamp() - interval '${WINDOW_DAYS} days'`;
