import type { PostgresPool, PostgresPoolClient } from 'kysely';
import type pg from 'pg';
import { LentClient } from './lent-client.ts';
import { PoolTurnError } from './pool-turn-error.ts';

/**
 * Where every connection is in use, a query that has run for so long makes room for a user that has none. Twice as long each time,
 * until a query of the same user is answered: one that is merely slow must succeed some time.
 */
const MAKES_ROOM_AFTER_MS = 2_000;
const MAKES_ROOM_AFTER_MAX_MS = 32_000;
const CHECK_EVERY_MS = 250;
/** Who has waited for less is likely to be next anyway: where many share a pool, somebody waits at any instant. */
const HUNGRY_AFTER_MS = 1_000;

export interface PoolSharesOptions {
  /** Connections of the pool. */
  readonly max: number;
  /** A request for a connection fails after this long. */
  readonly waitMs: number;
}

/**
 * Shares one pool among users that must not delay one another, such as the ledgers of one daemon:
 *
 * - a free connection goes to whoever has fewest, and has waited longest;
 * - the last free one goes to a user that has none, and nobody has more than half of them;
 * - where all are in use, a user without one gets one within some two seconds: the query that has run longest is given up. Its
 *   caller meets a PoolTurnError, and tries again later;
 * - users of whom a query was given up have half of the connections together, and take turns, until one of theirs is answered.
 *
 * A pool with one user is used as if it were not shared.
 */
export class PoolShares {
  readonly #pool: pg.Pool;
  readonly #options: PoolSharesOptions;
  readonly #shares = new Set<PoolShare>();
  #inUse = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(pool: pg.Pool, options: PoolSharesOptions) {
    this.#pool = pool;
    this.#options = options;
  }

  /** A pool for one more user; ending it ends no connection. `queryMaxMs`: a query of his that takes longer is given up. */
  add({ queryMaxMs }: { readonly queryMaxMs?: number } = {}): PostgresPool {
    const share = new PoolShare(this.#pool, {
      connect: () => this.#connect(share, queryMaxMs),
      end: () => this.#shares.delete(share),
    });
    this.#shares.add(share);
    return share;
  }

  /** How the pool is used now. `waiting`: requests for a connection. */
  readonly use = (): { inUse: number; idle: number; waiting: number } => {
    const { totalCount, idleCount, waitingCount } = this.#pool;
    const waiting = [...this.#shares].reduce((sum, share) => sum + share.waiting.length, waitingCount);
    return { inUse: totalCount - idleCount, idle: idleCount, waiting };
  };

  async #connect(share: PoolShare, queryMaxMs: number | undefined): Promise<PostgresPoolClient> {
    if (this.#shares.size > 1 && !this.#mayHave(share)) await this.#turn(share);
    else this.#take(share);
    try {
      const client = new LentClient((await this.#pool.connect()) as PostgresPoolClient, {
        queryMaxMs,
        onAnswer: () => {
          share.isSlow = false;
          share.patienceMs = MAKES_ROOM_AFTER_MS;
        },
        onReturn: () => {
          share.lent.delete(client);
          this.#giveBack(share);
        },
      });
      share.lent.add(client);
      return client as unknown as PostgresPoolClient;
    } catch (err) {
      this.#giveBack(share);
      throw err;
    }
  }

  #take(share: PoolShare): void {
    share.inUse += 1;
    this.#inUse += 1;
  }

  #giveBack(share: PoolShare): void {
    share.inUse -= 1;
    this.#inUse -= 1;
    const next = this.#next();
    if (next === undefined) return;
    this.#take(next);
    next.waiting.shift()!.resolve();
  }

  #mayHave(share: PoolShare): boolean {
    const { max } = this.#options;
    const free = max - this.#inUse;
    if (share.isSlow && this.#ofSlow() >= Math.max(1, Math.floor(max / 2))) return false;
    return share.inUse === 0 ? free > 0 : free > 1 && share.inUse < Math.ceil(max / 2);
  }

  #ofSlow(): number {
    return [...this.#shares].reduce((sum, { isSlow, inUse }) => sum + (isSlow ? inUse : 0), 0);
  }

  #next(): PoolShare | undefined {
    return [...this.#shares]
      .filter((share) => share.waiting.length > 0 && this.#mayHave(share))
      .toSorted((a, b) => a.inUse - b.inUse || a.waiting[0]!.sinceMs - b.waiting[0]!.sinceMs)[0];
  }

  /** Resolves when the user has been given a connection. */
  async #turn(share: PoolShare): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const waiter: Waiter = { resolve, sinceMs: performance.now() };
    share.waiting.push(waiter);
    const timer = setTimeout(() => {
      share.waiting.splice(share.waiting.indexOf(waiter), 1);
      reject(new PoolTurnError('timeout exceeded when trying to connect: every connection of DB_POOL_MAX is in use'));
    }, this.#options.waitMs);
    this.#timer ??= setInterval(() => this.#makeRoom(), CHECK_EVERY_MS);
    await promise.finally(() => clearTimeout(timer));
  }

  /** One query that has run for long is given up for each user that waits and has no connection. */
  #makeRoom(): void {
    const shares = [...this.#shares];
    if (shares.every(({ waiting }) => waiting.length === 0)) {
      clearInterval(this.#timer);
      this.#timer = undefined;
      return;
    }
    const nowMs = performance.now();
    const hungry = shares.filter(
      ({ waiting, inUse }) => inUse === 0 && waiting.length > 0 && nowMs - waiting[0]!.sinceMs >= HUNGRY_AFTER_MS,
    );
    const longest = shares
      .flatMap((share) => [...share.lent].map((client) => ({ share, client, forMs: client.queryingForMs(nowMs) })))
      .filter(({ share, forMs }) => forMs >= share.patienceMs)
      .toSorted((a, b) => b.forMs - a.forMs);
    for (const one of hungry) {
      // Nobody makes room for a user that hangs itself, but another such one.
      const at = longest.findIndex(({ share }) => share.isSlow || !one.isSlow);
      if (at === -1) continue;
      const [{ share, client, forMs }] = longest.splice(at, 1) as [(typeof longest)[number]];
      share.isSlow = true;
      share.patienceMs = Math.min(MAKES_ROOM_AFTER_MAX_MS, 2 * share.patienceMs);
      const seconds = (forMs / 1000).toFixed(1);
      client.giveUp(
        new PoolTurnError(
          `Connection terminated: the query had run for ${seconds} s, and another ledger had no connection`,
        ),
      );
    }
  }
}

interface Waiter {
  readonly resolve: () => void;
  readonly sinceMs: number;
}

/** What one user has, and waits for. */
class PoolShare implements PostgresPool {
  readonly lent = new Set<LentClient>();
  readonly waiting: Waiter[] = [];
  inUse = 0;
  /** A query of his was given up, and none was answered since. */
  isSlow = false;
  /** How long a query of his may run while another user has no connection. */
  patienceMs = MAKES_ROOM_AFTER_MS;
  readonly #pool: PostgresPool;
  readonly connect: () => Promise<PostgresPoolClient>;
  readonly #end: () => void;

  constructor(pool: pg.Pool, { connect, end }: { connect: () => Promise<PostgresPoolClient>; end: () => void }) {
    this.#pool = pool as unknown as PostgresPool;
    this.connect = connect;
    this.#end = end;
  }

  get options(): PostgresPool['options'] {
    return this.#pool.options;
  }

  async end(): Promise<void> {
    this.#end();
  }
}
