/** node-postgres's own words for query_timeout; it has no code. */
const QUERY_TIMEOUT_MESSAGE = 'Query read timeout';
/** A read-only transaction: on a server that was demoted, or in a session that began while the database was read-only. */
const READ_ONLY = '25006';
/** Connection exceptions, also PgBouncer's; and the server, or the administrator, ends sessions. 57014 is no such thing. */
const lostStates = /^(08...|57P0.)$/;

/**
 * What a query's error says about its connection. `cut`: it may be half open, nothing more may be asked there. `retire`:
 * what is under way may end, and then it must not be handed out again, when another one may lead to a better server.
 */
export type ConnectionVerdict = 'good' | 'retire' | 'cut';

export function verdictOn(err: unknown): ConnectionVerdict {
  const { message, code } = err as { message?: unknown; code?: unknown };
  if (message === QUERY_TIMEOUT_MESSAGE && code === undefined) return 'cut';
  return typeof code === 'string' && (code === READ_ONLY || lostStates.test(code)) ? 'retire' : 'good';
}
