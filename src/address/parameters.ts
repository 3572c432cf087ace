type Kind = 'ours' | 'driver' | 'ignored';

/**
 * Parameters of a connection URL that are accepted. `ours` is handled by this program, `driver` by node-postgres under the
 * same name, `ignored` does no harm when it is ignored.
 */
export const knownParameters: ReadonlyMap<string, Kind> = new Map<string, Kind>([
  ...names('ours', 'host', 'port', 'user', 'password', 'dbname', 'target_session_attrs'),
  ...names('ours', 'sslmode', 'ssl', 'sslrootcert', 'sslcert', 'sslkey', 'uselibpqcompat'),
  ...names('driver', 'sslnegotiation', 'application_name', 'fallback_application_name', 'options', 'client_encoding'),
  ...names('driver', 'statement_timeout', 'lock_timeout', 'idle_in_transaction_session_timeout', 'query_timeout'),
  // TLS is verified or off, so channel binding adds nothing.
  ...names('ignored', 'sslcompression', 'sslsni', 'channel_binding'),
]);

function names(kind: Kind, ...list: readonly string[]): readonly (readonly [string, Kind])[] {
  return list.map((name) => [name, kind] as const);
}

/** Parameters with a meaning that would silently not apply. */
const refused: Readonly<Record<string, string>> = {
  hostaddr:
    'hostaddr is not supported: the host name would be connected to and hostaddr ignored; put the address in place of the host',
  schema:
    "schema is no parameter of a connection and would be ignored; the schema is DB_SCHEMA, or openLedger's option `schema`",
  currentSchema: "currentSchema would be ignored; the schema is DB_SCHEMA, or openLedger's option `schema`",
  database: 'database would be ignored; the database is the path of the URL',
  service: 'service files are not read; write host, port and database into the URL',
  passfile: 'passfile would be ignored; put the password into the URL, or the URL into a file',
  replication: 'a replication connection cannot be used by a ledger',
  require_auth: 'require_auth would be ignored; sslmode=verify-full verifies the server',
  requiressl: 'requiressl would be ignored; use sslmode=verify-full',
};

/** Parameters with these prefixes decide where and how safely to connect, so an unknown or misspelt one is an error. */
const delicate = /^(ssl|tls|gss|host|port|target|load_balance|verify|cert)/i;

/** Why this parameter cannot be accepted, or null. */
export function refusalOfParameters(name: string, value: string, again: boolean): string | null {
  if (Object.hasOwn(refused, name)) return refused[name]!;
  const known = knownParameters.has(name);
  if (known && again) return `${name} is given twice`;
  if (name === 'load_balance_hosts' && value === 'disable') return null;
  if (name === 'gssencmode' && (value === 'disable' || value === 'prefer')) return null;
  if (!known && delicate.test(name)) {
    const shown = /^[a-zA-Z_]{1,32}$/.test(name) ? name : 'a parameter';
    return `${shown} is not supported, and would be ignored`;
  }
  return null;
}
