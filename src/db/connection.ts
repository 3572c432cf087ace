import { readFileSync } from 'node:fs';
import type pg from 'pg';
import { ClientGroup } from './client-group.ts';
import { DatabaseClient } from './database-client.ts';

/** Where the database is: a URL, or a file that holds one and may change at run time. */
export type DatabaseLocation = { readonly url: string } | { readonly file: string };

/** The current URL. A file is read again, so that a rotated password needs no restart. */
export function currentUrl(location: DatabaseLocation): string {
  return 'url' in location ? location.url : readFileSync(location.file, 'utf8').trim();
}

export interface ConnectionOptions {
  readonly location: DatabaseLocation;
  /** Connections at most. */
  readonly max: number;
  /** As pg_stat_activity shows it, unless the URL names one. */
  readonly applicationName: string;
  /** A query without an answer for this long is given up, with its connection. 0: never, for migrations. */
  readonly queryTimeoutMs: number;
  /** A connection that takes longer than this to open is given up, all hosts of the URL included. Default 10000. */
  readonly connectTimeoutMs?: number;
  /** After this long a connection is replaced by a new one, when nobody is using it. Default 600000. */
  readonly lifetimeMs?: number;
  /** Whether idle connections leave the process free to exit. Default false: a daemon lives until it is stopped. */
  readonly mayExitOnIdle?: boolean;
}

export const CONNECT_TIMEOUT_MS = 10_000;
/** A changed route, or changed settings of the role, are followed within this time. */
export const CONNECTION_LIFETIME_MS = 600_000;
/** Idle time after which TCP checks whether the other side is still there. */
const KEEP_ALIVE_AFTER_MS = 10_000;
const IDLE_CONNECTION_MS = 60_000;
/** After this part of its time limit a query without an answer makes idle connections suspect. */
const SUSPECT_SHARE = 1 / 8;

/**
 * The configuration of each pg.Pool: the daemon's, pg-boss's and the library's. Nothing here depends on a session, so that
 * PgBouncer in transaction mode works: no startup parameter, no session setting. Hence the timeout is the client's, which
 * then asks the server to cancel.
 */
export function poolConfig(options: ConnectionOptions, group = new ClientGroup()) {
  const { location, max, applicationName, queryTimeoutMs } = options;
  const { connectTimeoutMs = CONNECT_TIMEOUT_MS, lifetimeMs = CONNECTION_LIFETIME_MS, mayExitOnIdle = false } = options;
  const driver: pg.ClientConfig = {
    application_name: applicationName,
    keepAlive: true,
    keepAliveInitialDelayMillis: KEEP_ALIVE_AFTER_MS,
    ...(queryTimeoutMs > 0 && { query_timeout: queryTimeoutMs }),
  };
  const suspectAfterMs = queryTimeoutMs > 0 ? queryTimeoutMs * SUSPECT_SHARE : undefined;
  class PoolClient extends DatabaseClient {
    constructor() {
      super(group, { url: () => currentUrl(location), driver, connectTimeoutMs, suspectAfterMs });
    }
  }
  return {
    // DatabaseClient has all that a pool uses of a client.
    Client: PoolClient as unknown as typeof pg.Client,
    max,
    application_name: applicationName,
    connectionTimeoutMillis: connectTimeoutMs,
    idleTimeoutMillis: IDLE_CONNECTION_MS,
    maxLifetimeSeconds: lifetimeMs / 1000,
    allowExitOnIdle: mayExitOnIdle,
  };
}
