import { isNativeError } from 'node:util/types';

/**
 * Errors after which the same statement may succeed unchanged: the connection, the server's state or a concurrent
 * transaction was the cause, not the statement or a row. Classes are the first two characters of a SQLSTATE
 * (PostgreSQL documentation, appendix A).
 */
const retryableClasses = new Set([
  '08', // connection exception
  '40', // transaction rollback: serialization failure, deadlock
  '53', // insufficient resources: disk full, out of memory, too many connections
  '57', // operator intervention: shutdown, cancelled by timeout, starting up
  '58', // system error: I/O
]);

const retryableStates = new Set([
  '25006', // read-only transaction: a standby, or a primary that is being demoted
  '25P03', // idle-in-transaction timeout
  '3D000', // the database is being restored or renamed
  '3F000', // schema dropped meanwhile
  '42P01', // table dropped meanwhile
  '55006', // object in use
  '55P03', // lock not available
  'XX000', // internal error, seen while a server crashes
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
const connectionStates = /^(?:57P0.|25006|25P03|3D000)$/;

/**
 * Whether the error of a statement over many rows may come from one of them: a trigger of one row can raise any
 * SQLSTATE, also one that is retryable otherwise. Never: errors of the connection, the login or the server's resources,
 * and errors without a SQLSTATE.
 */
export function mayBeOneRows(err: unknown): boolean {
  const state = sqlstateOf(err);
  return state !== null && !connectionClasses.has(state.slice(0, 2)) && !connectionStates.test(state);
}

/** Whether a statement timed out, by the server's clock or by the client's. */
export function isTimeout(err: unknown): boolean {
  return sqlstateOf(err) === '57014' || (isNativeError(err) && /query read timeout/i.test(err.message));
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
