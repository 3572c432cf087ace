/** node-postgres's message for query_timeout, which has no code. */
const QUERY_TIMEOUT_MESSAGE = 'Query read timeout';
/** A read-only transaction: on a server that was demoted, or in a session that began while the database was read-only. */
const READ_ONLY = '25006';
/** Connection exceptions, also PgBouncer's, and sessions ended by the server or the administrator. 57014 is not among them. */
const lostStates = /^(08...|57P0.)$/;

/**
 * What a query's error says about its connection. `cut`: it may be half open and must not be used again. `retire`: a query
 * under way may finish; then the connection is replaced, since a new one may lead to a better server.
 */
export type ConnectionVerdict = 'good' | 'retire' | 'cut';

export function verdictOn(err: unknown): ConnectionVerdict {
  const { message, code } = err as { message?: unknown; code?: unknown };
  if (message === QUERY_TIMEOUT_MESSAGE && code === undefined) return 'cut';
  return typeof code === 'string' && (code === READ_ONLY || lostStates.test(code)) ? 'retire' : 'good';
}
