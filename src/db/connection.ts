import { readFileSync } from 'node:fs';
import pg from 'pg';

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
}

/** A connection that takes longer than this to open is given up. */
const CONNECT_TIMEOUT_MS = 10_000;
/** Silence after which TCP asks whether the other side is still there. */
const KEEP_ALIVE_AFTER_MS = 10_000;
const IDLE_CONNECTION_MS = 60_000;

/**
 * What a pg.Pool is made of, ours and pg-boss's alike. Nothing here needs a session of its own, so that PgBouncer in
 * transaction mode works: no startup parameter, no session setting. Hence the timeout on the client's side.
 */
export function poolConfig({ location, max, applicationName, queryTimeoutMs }: ConnectionOptions) {
  return {
    Client: clientFor(location),
    max,
    application_name: applicationName,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    idleTimeoutMillis: IDLE_CONNECTION_MS,
    keepAlive: true,
    keepAliveInitialDelayMillis: KEEP_ALIVE_AFTER_MS,
    ...(queryTimeoutMs > 0 && { query_timeout: queryTimeoutMs }),
  };
}

/** node-postgres's own words for query_timeout; it has no code. */
const QUERY_TIMEOUT_MESSAGE = 'Query read timeout';
/** A read-only transaction: on a server that was demoted, or in a session that began while the database was read-only. */
const READ_ONLY = '25006';

function clientFor(location: DatabaseLocation): typeof pg.Client {
  return class extends pg.Client {
    constructor(config?: pg.ClientConfig) {
      super({ ...config, connectionString: currentUrl(location) });
      // A connection that breaks under a query says so to the query, and here. Unheard it would end the process.
      this.on('error', () => {});
      this.#giveUpWhereLost();
    }

    /**
     * A query that timed out still waits in its connection, which may be half open; one that was refused as read-only
     * would be refused there for ever, when another connection may be let through. A pool that got either back would
     * hand it out again. Cutting the socket makes the pool drop it.
     */
    #giveUpWhereLost(): void {
      const query = this.query.bind(this) as (...args: unknown[]) => unknown;
      this.query = ((...args: unknown[]) => {
        const result = query(...args);
        if (result instanceof Promise) {
          result.catch((err: Error & { code?: string }) => {
            if (err.message === QUERY_TIMEOUT_MESSAGE || err.code === READ_ONLY) this.#cut(err);
          });
        }
        return result;
      }) as typeof this.query;
    }

    #cut(err: Error): void {
      const { connection } = this as unknown as { connection: { stream: { destroy(err: Error): void } } };
      connection.stream.destroy(err);
    }
  };
}
