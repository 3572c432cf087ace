import { isNativeError } from 'node:util/types';
import { isRetryable, sqlstate } from './sqlstate.ts';

/** Node's and OpenSSL's codes for a certificate or a TLS session that is not acceptable. */
const tlsCodes = /^(ERR_TLS_|ERR_SSL_|CERT_|SELF_SIGNED_CERT|DEPTH_ZERO_|UNABLE_TO_|HOSTNAME_MISMATCH|EPROTO$)/;
/** node-postgres's messages for the same, which have no code. */
const tlsMessages = /does not support SSL|establishing an SSL connection|self[- ]signed certificate/i;
/** Errors of the operating system: whatever they are (no address left, no file descriptor), the database did not refuse. */
const errno = /^E[A-Z0-9]+$/;
/** node-postgres, when the server asks for a password and there is none, or fails to prove its identity. */
const passwordMessages = /^SASL: |client password must be|unknown authenticationOk message type/i;

function states(...codes: readonly string[]): RegExp {
  return new RegExp(`^(${codes.join('|')})$`);
}

/** What to do, by SQLSTATE; the first match counts. */
const remedies: readonly (readonly [RegExp, string])[] = [
  [/^28/, 'check the user and the password in DATABASE_URL, and the pg_hba.conf of the server'],
  [states(sqlstate.invalidCatalogName), 'put the name of an existing database into DATABASE_URL, or create it'],
  [states(sqlstate.insufficientPrivilege), 'grant the role its rights: run deploy/postgres/roles.sql again'],
  [
    states(sqlstate.undefinedTable, sqlstate.undefinedFunction, sqlstate.undefinedColumn, sqlstate.invalidSchemaName),
    'bring the schema up to date: run `delegation-sweeper migrate up`',
  ],
];
const TLS_REMEDY = "check sslmode and sslrootcert in DATABASE_URL against the server's certificate and its host name";
const PASSWORD_REMEDY = 'put the right password into DATABASE_URL';
const DEFECT_REMEDY = 'this may be a defect of delegation-sweeper: report it with this line';

/**
 * Whether the database answered and refused, or the error is one of this program: a person has to act, and trying again
 * changes nothing. False for an outage, which passes by itself.
 */
export function isRefusal(err: unknown): boolean {
  return errorsOfHosts(err).every(
    (one) =>
      codeOf(one) === sqlstate.invalidCatalogName ||
      isTls(one) ||
      (!isRetryable(one) && !errno.test(codeOf(one) ?? '')),
  );
}

/** Whether only a change of this program helps: the error is its own, or the database's about a statement of it. */
export function isDefect(err: unknown): boolean {
  return isRefusal(err) && remedyOf(err) === DEFECT_REMEDY;
}

/** Whether a connection was refused because of the role or the way of connecting: password, pg_hba.conf, TLS, no such database. */
export function isConnectionRefusal(err: unknown): boolean {
  return errorsOfHosts(err).every((one) => /^(28|3D)/.test(codeOf(one) ?? '') || isTls(one) || isPassword(one));
}

/** What to do about an error for which isRefusal is true: a sentence without its full stop. */
export function remedyOf(err: unknown): string {
  const [first] = errorsOfHosts(err);
  if (isTls(first)) return TLS_REMEDY;
  if (isPassword(first)) return PASSWORD_REMEDY;
  const code = codeOf(first) ?? '';
  return remedies.find(([pattern]) => pattern.test(code))?.[1] ?? DEFECT_REMEDY;
}

/**
 * One error per host that was tried: a host that is merely away may come back, so all of them must refuse. Node does the
 * same with the addresses of one name.
 */
export function errorsOfHosts(err: unknown): readonly unknown[] {
  const { errors } = (isNativeError(err) ? err : {}) as { errors?: unknown };
  return Array.isArray(errors) && errors.length > 0 ? errors.flatMap(errorsOfHosts) : [err];
}

function isTls(err: unknown): boolean {
  return tlsCodes.test(codeOf(err) ?? '') || tlsMessages.test(messageOf(err));
}

function isPassword(err: unknown): boolean {
  return passwordMessages.test(messageOf(err));
}

function codeOf(err: unknown): string | null {
  const { code } = (isNativeError(err) ? err : {}) as { code?: unknown };
  return typeof code === 'string' ? code : null;
}

function messageOf(err: unknown): string {
  return isNativeError(err) ? err.message : '';
}
