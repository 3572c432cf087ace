import { isIP } from 'node:net';
import pg from 'pg';
import type { TargetSession } from '../address/database-address.ts';
import type { CancelTarget } from './cancel-request.ts';
import { sqlstate } from './sqlstate.ts';

/** Parts of pg.Client without a type. */
interface Driver {
  readonly ssl: boolean | object;
  readonly connection: NodeJS.EventEmitter & { readonly stream: { destroy(): void; readonly remoteAddress?: string } };
  readonly processID: number | null;
  readonly secretKey: number | null;
  readonly _queryable: boolean;
  getTransactionStatus(): string | null;
  ref(): void;
  unref(): void;
}

/** A connection to one host. */
export class Session {
  readonly client: pg.Client;
  readonly #driver: Driver;
  readonly #target: TargetSession;

  constructor(config: pg.ClientConfig, target: TargetSession) {
    this.client = new pg.Client(config);
    this.client.on('error', () => {});
    this.#driver = this.client as unknown as Driver;
    this.#target = target;
  }

  get connection(): unknown {
    return this.#driver.connection;
  }

  get processID(): number | null {
    return this.#driver.processID;
  }

  get isQueryable(): boolean {
    return this.#driver._queryable;
  }

  /** I: none, T: open, E: failed; null before the first answer. */
  get transactionStatus(): string | null {
    return this.#driver.getTransactionStatus();
  }

  get isInTransaction(): boolean {
    return this.transactionStatus === 'T' || this.transactionStatus === 'E';
  }

  ref(): void {
    this.#driver.ref();
  }

  unref(): void {
    this.#driver.unref();
  }

  destroy(): void {
    this.#driver.connection.stream.destroy();
  }

  /** Connects; throws when the server is not of the kind asked for. */
  async open(timeoutMs: number): Promise<void> {
    assertVerified(this.#driver.ssl);
    await this.client.connect();
    if (this.#target !== 'any') await this.#assertTakesWrites(timeoutMs);
  }

  async #assertTakesWrites(timeoutMs: number): Promise<void> {
    const { rows } = await this.client.query<{ standby: boolean; readOnly: string }>({
      text: `SELECT pg_catalog.pg_is_in_recovery() AS standby,
        pg_catalog.current_setting('transaction_read_only') AS "readOnly"`,
      query_timeout: timeoutMs,
    } as pg.QueryConfig);
    const { standby, readOnly } = rows[0]!;
    if (standby) throw this.#unwanted('is a standby');
    if (this.#target === 'read-write' && readOnly !== 'off') throw this.#unwanted('takes no writes');
  }

  /** PostgreSQL tells its sessions when it turns read-only (from 14 on), which one that only reads would not notice. */
  onReadOnly(listener: (err: Error) => void): void {
    if (this.#target === 'any') return;
    const { connection } = this.#driver;
    connection.on('parameterStatus', (status: { parameterName: string; parameterValue: string }) => {
      if (status.parameterValue !== 'on') return;
      if (status.parameterName === 'in_hot_standby') listener(this.#unwanted('became a standby'));
      if (this.#target === 'read-write' && status.parameterName === 'default_transaction_read_only') {
        listener(this.#unwanted('takes no writes any more'));
      }
    });
  }

  #unwanted(what: string): Error {
    const { host, port } = this.client;
    const message = `${host}:${port} ${what}, and target_session_attrs is ${this.#target}`;
    // As the server would answer the first write.
    return Object.assign(new Error(message), { code: sqlstate.readOnlyTransaction });
  }

  /** By the address that it is connected to: behind its name may stand another server by now. Throws when there is none. */
  async cancelTarget(): Promise<CancelTarget> {
    const { processID, secretKey, connection, ssl } = this.#driver;
    const { host, port } = this.client;
    if (processID === null || secretKey === null) throw new Error('no key to cancel by');
    return {
      host: connection.stream.remoteAddress ?? host,
      port,
      ssl: ssl && isIP(host) === 0 ? withServerName(ssl, host) : ssl,
      processID,
      secretKey,
    };
  }
}

/** Its key is not enumerable, so that no log shows it. */
function withServerName(ssl: true | object, servername: string): object {
  const own = typeof ssl === 'object' ? Object.getOwnPropertyDescriptors(ssl) : {};
  return Object.defineProperties({ servername }, own);
}

/** By PGSSLMODE, which the driver reads for itself. */
function assertVerified(ssl: unknown): void {
  if (
    typeof ssl === 'object' &&
    ssl !== null &&
    (ssl as { rejectUnauthorized?: boolean }).rejectUnauthorized === false
  ) {
    throw new Error(
      'PGSSLMODE=no-verify would accept any certificate, and so any server: unset it, or use verify-full',
    );
  }
}
