import type { Pool } from 'pg';
import { AddressError } from '../address/address-error.ts';
import { acceptedUrl, parseAddress } from '../address/database-address.ts';
import { CONNECT_TIMEOUT_MS, CONNECTION_LIFETIME_MS, type ConnectionOptions } from '../db/connection.ts';
import { databaseOn, type LedgerPool, openPool } from '../db/pool.ts';
import { assertText } from './arguments.ts';
import { InvalidArgumentError } from './errors.ts';
import { DelegationLedger, type LedgerOptions } from './ledger.ts';

export interface LedgerPoolOptions {
  /** Maximum of connections, opened when needed. Default 4: heartbeats are short, and an agent has few other statements. */
  readonly connectionsMax?: number;
  /** Milliseconds to open a connection, all hosts of the URL included, or to wait for a free one. Default 10000. */
  readonly connectTimeoutMs?: number;
  /**
   * A query without an answer for this long fails; its connection is given up and the server asked to cancel it. Default
   * 10000, three times within the shortest threshold that is usual, 30 s.
   */
  readonly queryTimeoutMs?: number;
  /** Milliseconds after which a connection is replaced, so that a changed route is noticed. Default 600000. */
  readonly connectionLifetimeMs?: number;
  /** As pg_stat_activity shows it, unless the URL names one. Default `delegation-ledger`. */
  readonly applicationName?: string;
}

export interface OpenLedgerOptions extends LedgerOptions, LedgerPoolOptions {
  /** Where the ledger's tables are. Default `public`. */
  readonly schema?: string;
  /** Milliseconds that disposal waits for queries under way before it ends them. Default 5000. */
  readonly closeTimeoutMs?: number;
}

const CONNECTIONS_DEFAULT = 4;
const CONNECTIONS_MAX = 1000;
const QUERY_TIMEOUT_DEFAULT_MS = 10_000;
const CLOSE_TIMEOUT_DEFAULT_MS = 5_000;
/** A day: timers support not much longer. */
const TIMEOUT_MAX_MS = 86_400_000;
/** PostgreSQL silently cuts longer names. */
const NAME_BYTES_MAX = 63;

/** A ledger with a pool of its own, which its disposal closes: `await using ledger = await openLedger(url)`. */
export class OwnedLedger extends DelegationLedger implements AsyncDisposable {
  readonly #pool: LedgerPool;
  readonly #closeTimeoutMs: number;

  constructor(pool: LedgerPool, schema: string, closeTimeoutMs: number, options: LedgerOptions) {
    super(databaseOn(pool.pool, schema), options);
    this.#pool = pool;
    this.#closeTimeoutMs = closeTimeoutMs;
  }

  /** Closes the pool, within `closeTimeoutMs`. A second call does nothing. Never throws. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#pool.close(this.#closeTimeoutMs);
  }
}

/**
 * A ledger on a pool that survives restarts, failovers to another host of the URL, and half-open connections.
 * It connects at the first call, not here: an agent may start while the database is away.
 * @throws InvalidArgumentError that names the field: `url` or an option.
 */
export async function openLedger(url: string, options: OpenLedgerOptions = {}): Promise<OwnedLedger> {
  const { schema = 'public', closeTimeoutMs = CLOSE_TIMEOUT_DEFAULT_MS } = options;
  assertName('schema', schema);
  assertWhole('closeTimeoutMs', closeTimeoutMs, TIMEOUT_MAX_MS);
  const pool = openPool(connectionOptions(url, options));
  return new OwnedLedger(pool, schema, closeTimeoutMs, options);
}

/**
 * Only the pool of `openLedger`, for a Kysely that also holds the caller's own tables. The caller ends it; idle
 * connections do not keep the process alive.
 * @throws InvalidArgumentError that names the field: `url` or an option.
 */
export function createLedgerPool(url: string, options: LedgerPoolOptions = {}): Pool {
  return openPool(connectionOptions(url, options)).pool;
}

function connectionOptions(url: unknown, options: LedgerPoolOptions): ConnectionOptions {
  const { connectionsMax = CONNECTIONS_DEFAULT, connectTimeoutMs = CONNECT_TIMEOUT_MS } = options;
  const { queryTimeoutMs = QUERY_TIMEOUT_DEFAULT_MS, connectionLifetimeMs = CONNECTION_LIFETIME_MS } = options;
  const { applicationName = 'delegation-ledger' } = options;
  assertUrl(url);
  assertWhole('connectionsMax', connectionsMax, CONNECTIONS_MAX);
  assertWhole('connectTimeoutMs', connectTimeoutMs, TIMEOUT_MAX_MS);
  assertWhole('queryTimeoutMs', queryTimeoutMs, TIMEOUT_MAX_MS);
  assertWhole('connectionLifetimeMs', connectionLifetimeMs, TIMEOUT_MAX_MS);
  assertName('applicationName', applicationName);
  return {
    location: { url },
    max: connectionsMax,
    applicationName,
    queryTimeoutMs,
    connectTimeoutMs,
    lifetimeMs: connectionLifetimeMs,
    // A keepAlive that was never disposed keeps using a connection, which must not keep the agent's process alive.
    mayExitOnIdle: true,
  };
}

function assertUrl(url: unknown): asserts url is string {
  assertText('url', url);
  try {
    parseAddress(url);
  } catch (err) {
    if (err instanceof AddressError) throw new InvalidArgumentError('url', `${err.message}; accepted: ${acceptedUrl}`);
    throw err;
  }
}

function assertWhole(field: string, value: unknown, max: number): void {
  if (Number.isInteger(value) && (value as number) >= 1 && (value as number) <= max) return;
  throw new InvalidArgumentError(field, `must be a whole number from 1 to ${max}`);
}

function assertName(field: string, value: unknown): void {
  assertText(field, value);
  const bytes = Buffer.byteLength(value);
  if (bytes >= 1 && bytes <= NAME_BYTES_MAX) return;
  throw new InvalidArgumentError(field, `must have 1 to ${NAME_BYTES_MAX} bytes, not ${bytes}`);
}
