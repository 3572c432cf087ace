import { isClientTimeout, sqlstate } from './sqlstate.ts';

/** Connection exceptions, also PgBouncer's, and sessions ended by the server or the administrator. A cancelled query is not among them. */
const lostStates = /^(08...|57P0.)$/;

/**
 * What a query's error says about its connection. `cut`: it may be half open and must not be used again. `retire`: a query
 * under way may finish; then the connection is replaced, since a new one may lead to a better server: the session was
 * ended, or it is read-only (its server was demoted, or the database was read-only when the session began).
 */
export type ConnectionVerdict = 'good' | 'retire' | 'cut';

export function verdictOn(err: unknown): ConnectionVerdict {
  if (isClientTimeout(err)) return 'cut';
  const { code } = err as { code?: unknown };
  return typeof code === 'string' && (code === sqlstate.readOnlyTransaction || lostStates.test(code))
    ? 'retire'
    : 'good';
}
