import { readFileSync } from 'node:fs';
import type pg from 'pg';
import { ClientGroup } from './client-group.ts';
import { DatabaseClient } from './database-client.ts';

/** Where the database is: a URL, or a file that holds one and may change while we run. */
export type DatabaseLocation = { readonly url: string } | { readonly file: string };

/** The URL as it is now. A file is read anew, so that a rotated password needs no restart. */
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
/** A route that leads elsewhere by now, or a role's changed settings, are followed within this time at the latest. */
export const CONNECTION_LIFETIME_MS = 600_000;
/** Silence after which TCP asks whether the other side is still there. */
const KEEP_ALIVE_AFTER_MS = 10_000;
const IDLE_CONNECTION_MS = 60_000;

/**
 * What a pg.Pool is made of: ours, pg-boss's and the library's alike. Nothing here needs a session of its own, so that
 * PgBouncer in transaction mode works: no startup parameter, no session setting. Hence the timeout on the client's side,
 * after which the client asks the server to cancel.
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
  class PoolClient extends DatabaseClient {
    constructor() {
      super(group, { url: () => currentUrl(location), driver, connectTimeoutMs });
    }
  }
  return {
    // A pool asks no more of a client than DatabaseClient has.
    Client: PoolClient as unknown as typeof pg.Client,
    max,
    application_name: applicationName,
    connectionTimeoutMillis: connectTimeoutMs,
    idleTimeoutMillis: IDLE_CONNECTION_MS,
    maxLifetimeSeconds: lifetimeMs / 1000,
    allowExitOnIdle: mayExitOnIdle,
  };
}
