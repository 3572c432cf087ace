import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { type LedgerDatabase, poolOf } from './ledger-database.ts';

const AGENTS = 8;
/** Between two heartbeats of one agent. */
const PACE_MS = 25;

/** Of the ids of the living. */
export const LIVING_PREFIX = 'living';

export async function livingIds(database: LedgerDatabase): Promise<string[]> {
  const rows = await database.query<{ id: string }>(
    'SELECT delegation_id AS id FROM delegations WHERE starts_with(delegation_id, $1)',
    [LIVING_PREFIX],
  );
  return rows.map(({ id }) => id);
}

/** Heartbeats over several connections, each sent after the previous one and a pause. */
export class Agents {
  readonly #pool: pg.Pool;
  readonly #ids: readonly string[];

  constructor(url: string, ids: readonly string[]) {
    this.#pool = poolOf(url, AGENTS);
    this.#ids = ids;
  }

  /** Duration of each heartbeat meanwhile, in milliseconds. */
  async during(work: () => Promise<unknown>): Promise<number[]> {
    const tookMs: number[] = [];
    let isOver = false;
    const agents = Array.from({ length: AGENTS }, async (_, agent) => {
      for (let beat = agent; !isOver; beat += AGENTS) {
        const startedAtMs = performance.now();
        await this.#pool.query('SELECT delegation_heartbeat($1, 0.001)', [this.#ids[beat % this.#ids.length]]);
        tookMs.push(performance.now() - startedAtMs);
        await sleep(PACE_MS);
      }
    });
    await work();
    isOver = true;
    await Promise.all(agents);
    return tookMs;
  }

  end(): Promise<void> {
    return this.#pool.end();
  }
}

export function percentile99(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length * 0.99)]!;
}
