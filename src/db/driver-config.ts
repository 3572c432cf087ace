import { readFileSync } from 'node:fs';
import type pg from 'pg';
import type { DatabaseAddress, Host } from '../address/database-address.ts';
import type { Tls } from '../address/tls.ts';

/**
 * The address as options of node-postgres, without a connection string: its parser knows only one host, warns about
 * sslmode on stderr in plain text, and ignores parameters that it does not know. Reads the certificates' files.
 */
export function driverConfig(address: DatabaseAddress, { host, port }: Host): pg.ClientConfig {
  const { user, password, database, tls, parameters } = address;
  return {
    ...parameters,
    ...(host !== '' && { host }),
    ...(port !== undefined && { port }),
    ...(user !== undefined && { user }),
    ...(password !== undefined && { password }),
    ...(database !== undefined && { database }),
    ...(tls !== undefined && { ssl: tls === 'off' ? false : tlsOptions(tls) }),
  };
}

function tlsOptions({ caFile, certFile, keyFile, checksName }: Tls) {
  return {
    ...(caFile !== undefined && { ca: readFileSync(caFile, 'utf8') }),
    ...(certFile !== undefined && { cert: readFileSync(certFile, 'utf8') }),
    ...(keyFile !== undefined && { key: readFileSync(keyFile, 'utf8') }),
    ...(!checksName && { checkServerIdentity: () => undefined }),
  };
}
