import { isClientTimeout, sqlstate } from './sqlstate.ts';

/** Connection exceptions, also PgBouncer's; and the server, or the administrator, ends sessions. A cancelled query does not. */
const lostStates = /^(08...|57P0.)$/;

/**
 * What a query's error says about its connection. `cut`: it may be half open, nothing more may be asked there. `retire`:
 * what is under way may end, and then it must not be handed out again, when another one may lead to a better server: the
 * session ends, or it is read-only (its server was demoted, or the database was read-only when the session began).
 */
export type ConnectionVerdict = 'good' | 'retire' | 'cut';

export function verdictOn(err: unknown): ConnectionVerdict {
  if (isClientTimeout(err)) return 'cut';
  const { code } = err as { code?: unknown };
  return typeof code === 'string' && (code === sqlstate.readOnlyTransaction || lostStates.test(code))
    ? 'retire'
    : 'good';
}
