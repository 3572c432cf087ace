import { isNativeError } from 'node:util/types';
import { PoolTurnError } from './pool-turn-error.ts';

/** The codes that the program distinguishes, by their names in PostgreSQL's documentation (appendix A). */
export const sqlstate = {
  protocolViolation: '08P01',
  invalidParameterValue: '22023',
  checkViolation: '23514',
  readOnlyTransaction: '25006',
  idleInTransactionTimeout: '25P03',
  invalidCatalogName: '3D000',
  invalidSchemaName: '3F000',
  deadlockDetected: '40P01',
  insufficientPrivilege: '42501',
  undefinedColumn: '42703',
  undefinedFunction: '42883',
  undefinedTable: '42P01',
  objectInUse: '55006',
  lockNotAvailable: '55P03',
  queryCanceled: '57014',
  idleSessionTimeout: '57P05',
  internalError: 'XX000',
} as const;

/**
 * Errors after which the same statement may succeed unchanged: the connection, the server's state or a concurrent
 * transaction was the cause, not the statement or a row. Classes are the first two characters of a SQLSTATE.
 */
const retryableClasses = new Set([
  '08', // connection exception
  '40', // transaction rollback: serialization failure, deadlock
  '53', // insufficient resources: disk full, out of memory, too many connections
  '57', // operator intervention: shutdown, cancelled by timeout, starting up
  '58', // system error: I/O
]);

const retryableStates = new Set<string>([
  sqlstate.readOnlyTransaction, // read-only transaction: a standby, or a primary that is being demoted
  sqlstate.idleInTransactionTimeout,
  sqlstate.invalidCatalogName, // the database is being restored or renamed
  sqlstate.invalidSchemaName, // schema dropped meanwhile
  sqlstate.undefinedTable, // table dropped meanwhile
  sqlstate.objectInUse,
  sqlstate.lockNotAvailable,
  sqlstate.internalError, // seen while a server crashes
]);

const outdatedStates = new Set<string>([
  sqlstate.undefinedTable,
  sqlstate.undefinedFunction,
  sqlstate.undefinedColumn,
  sqlstate.invalidSchemaName,
]);

/** Errors of the socket and of node-postgres, which carry no SQLSTATE. */
const retryableNodeCodes = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ECONNABORTED',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
  'ENOENT', // the unix socket of a server that is not up
  'EPIPE',
  'ETIMEDOUT',
]);

const retryableMessages =
  /connection terminated|connection ended|timeout expired|timeout exceeded when trying to connect|query read timeout|client has encountered a connection error|not queryable|cannot use a pool after calling end/i;

/** Errors of the connection, the login or the server as a whole, wherever in a statement they occur. */
const connectionClasses = new Set([
  '08', // connection exception
  '28', // the login is refused
  '53', // insufficient resources: disk full, out of memory, too many connections
]);
const connectionStates = new Set<string>([
  sqlstate.readOnlyTransaction,
  sqlstate.idleInTransactionTimeout,
  sqlstate.invalidCatalogName,
]);
/** The server, or its administrator, ends the session. */
const sessionEnded = /^57P0.$/;

/**
 * Whether the error of a statement over many rows may come from one of them: a trigger of one row can raise any
 * SQLSTATE, also one that is retryable otherwise. Never: errors of the connection, the login or the server's resources,
 * those of a statement that names what is missing or not allowed, and errors without a SQLSTATE.
 */
export function mayConcernOneRow(err: unknown): boolean {
  const state = sqlstateOf(err);
  if (state === null || connectionClasses.has(state.slice(0, 2))) return false;
  if (isSchemaOutdated(err) || (isOfStatement(state) && !isFromFunction(err))) return false;
  return !connectionStates.has(state) && !sessionEnded.test(state);
}

/** What the statement may not do, or the server cannot, such as what Citus does not support, whichever its rows are. */
function isOfStatement(state: string): boolean {
  return state === sqlstate.insufficientPrivilege || state.startsWith('0A');
}

/** Whether the database was away: an error of the connection or the server that passes, and no statement's own. */
export function isAway(err: unknown): boolean {
  if (err instanceof PoolTurnError) return false;
  return isRetryable(err) && !mayConcernOneRow(err) && !isSchemaOutdated(err) && !isTimeout(err);
}

/** Whether a statement names what is not there: the schema was never installed here, or is older than this program. */
export function isSchemaOutdated(err: unknown): boolean {
  return outdatedStates.has(sqlstateOf(err) ?? '') && !isFromFunction(err);
}

/**
 * An error with a context comes from inside a function, such as a trigger of the user's own. A statement that ran on the node of
 * a ledger (src/db/node/statements/run-on-node.ts) has a context in any case: what stands in it before the function that ran it.
 */
function isFromFunction(err: unknown): boolean {
  const { where } = err as { where?: unknown };
  if (typeof where !== 'string') return where !== undefined;
  const [inside = ''] = where.split(/PL\/pgSQL function \S*sweeper_run\(/, 1);
  return inside === where || inside.includes('PL/pgSQL function');
}

/** Whether a statement timed out, by the server's clock or by the client's. */
export function isTimeout(err: unknown): boolean {
  return sqlstateOf(err) === sqlstate.queryCanceled || isClientTimeout(err);
}

/** Whether node-postgres gave a query up after its query_timeout. Such an error has a message and no code. */
export function isClientTimeout(err: unknown): boolean {
  const { message, code } = (err ?? {}) as { message?: unknown; code?: unknown };
  return message === 'Query read timeout' && code === undefined;
}

/** The SQLSTATE of an error that the server sent; null for any other. */
export function sqlstateOf(err: unknown): string | null {
  if (!isNativeError(err)) return null;
  const { code } = err as { code?: unknown };
  // Node's own EPIPE has five letters as well.
  if (typeof code !== 'string' || retryableNodeCodes.has(code)) return null;
  return /^[0-9A-Z]{5}$/.test(code) ? code : null;
}

/** Whether trying again later may succeed. False for an error of a row, a statement or this program. */
export function isRetryable(err: unknown): boolean {
  // Not instanceof: an error that Node itself made may come from another realm.
  if (!isNativeError(err)) return false;
  const { code, errors } = err as Error & { code?: unknown; errors?: unknown };
  if (Array.isArray(errors)) return errors.some(isRetryable);
  if (typeof code === 'string') {
    if (retryableNodeCodes.has(code) || retryableStates.has(code)) return true;
    if (/^[0-9A-Z]{5}$/.test(code)) return retryableClasses.has(code.slice(0, 2));
  }
  return retryableMessages.test(err.message);
}
