/** Limits of arguments, in the library and in the functions of the schema. The tables' constraints have the same. */

/** Characters of an id. */
export const ID_LENGTH_MAX = 200;
/** Characters of a reason, and of a progress text. */
export const NOTE_LENGTH_MAX = 200;
/** Bytes of an agent's address. */
export const AGENT_URL_BYTES_MAX = 500;
/** Ids in one heartbeatMany: bounds the statement and the locks it takes. */
export const HEARTBEAT_IDS_MAX = 10_000;
/** Delegations in one delegation_insert_many: bounds the statement and the locks it takes. */
export const INSERT_MANY_MAX = 1_000;
/** Delegations on one page of a list. */
export const LIST_LIMIT_MAX = 1_000;
export const LIST_LIMIT_DEFAULT = 100;
/** Ten years: an epoch timestamp given by mistake is above it. */
export const DURATION_MAX_MS = 10 * 365 * 24 * 3_600_000;
/** Milliseconds of a threshold: 1 s to 30 d. */
export const THRESHOLD_MIN_MS = 1_000;
export const THRESHOLD_MAX_MS = 30 * 24 * 3_600_000;
/** The longest wait, 30 d. */
export const WAIT_MAX_MS = 30 * 24 * 3_600_000;
/** The longest time that a timer supports; with a longer one it would fire after one millisecond, again and again. */
export const TIMER_MAX_MS = 2 ** 31 - 1;
