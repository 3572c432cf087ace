import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import type { Bench } from '../bench.ts';
import { Daemon } from '../daemon.ts';
import { insertFinished, insertFleet, settle } from '../data.ts';
import { type Findings, median } from '../figure.ts';
import { type LedgerDatabase, poolOf } from '../ledger-database.ts';

const AGENTS = 8;
const LIVING = 2000;
const QUIET_MS = 10_000;
/** Between two heartbeats of one agent. */
const PACE_MS = 25;

/**
 * Living agents during sweeps of many rows, on the same cores: how long their heartbeats take, compared with a quiet time
 * in the same run; and the daemon's memory, which must not grow after the first of those sweeps.
 */
export async function besideSweepsScenario({ template, quick, say }: Bench): Promise<Findings> {
  const [rows, sweeps] = quick ? [50_000, 2] : [200_000, 6];
  await using database = await template.copy();
  say('beside-sweeps: the table');
  await insertFinished(database, quick ? 50_000 : 2_000_000);
  await insertFleet(database, { rows: LIVING, silentFromSeconds: 0, silentToSeconds: 0, prefix: 'living' });
  const agents = new Agents(poolOf(database.url, AGENTS), await livingIds(database));
  try {
    const quiet = await agents.during(() => sleep(QUIET_MS));
    await using daemon = await Daemon.start(database.url, { STORM_RATIO: '0', SWEEP_MAX_ROWS: String(rows) });
    await daemon.swept;
    const beside: number[] = [];
    const peaksMb: number[] = [];
    for (let sweep = 0; sweep < sweeps; sweep += 1) {
      say(`beside-sweeps: sweep ${sweep + 1} of ${sweeps}`);
      const { done } = await largeSweep(database, daemon, rows, `silent-${sweep}`);
      beside.push(percentile99(await agents.during(() => done)));
      peaksMb.push(daemon.peakMb);
    }
    return { figures: figuresOf(percentile99(quiet), beside, peaksMb, rows) };
  } finally {
    await agents.end();
  }
}

function figuresOf(quietMs: number, beside: readonly number[], peaksMb: readonly number[], rows: number) {
  const what = `beside sweeps of ${rows} rows`;
  const ratios = beside.map((ms) => ms / quietMs);
  return [
    { what: 'heartbeat, quiet, p99', unit: 'ms', value: quietMs },
    { what: `heartbeat, ${what}, p99`, unit: 'ms', value: median(beside), samples: beside },
    {
      what: `heartbeat p99, ${what} / quiet`,
      unit: 'x',
      value: median(ratios),
      samples: ratios,
      limit: { atMost: 10 },
    },
    {
      what: `daemon, ${what}: peak memory`,
      unit: 'MB',
      value: peaksMb.at(-1)!,
      samples: peaksMb,
      limit: { atMost: 160 },
    },
    {
      what: `daemon, ${what}: last peak / first`,
      unit: 'x',
      value: peaksMb.at(-1)! / peaksMb[0]!,
      limit: { atMost: 1.1 },
    },
  ];
}

/** The sweep's end. The rows are inserted silent, all before a tick of the schedule can find some of them. */
async function largeSweep(database: LedgerDatabase, daemon: Daemon, rows: number, prefix: string) {
  await insertFleet(database, { rows, silentFromSeconds: 660, silentToSeconds: 4260, prefix });
  await settle(database);
  // A scheduled sweep that began before may end first, which is harmless: it marks them as well.
  const done = daemon.nextSweep();
  await database.query(
    `INSERT INTO pgboss.job (name, data, policy) VALUES ('delegation-sweep', '{"trigger":"manual"}', 'exclusive')
     ON CONFLICT DO NOTHING`,
  );
  return { done };
}

async function livingIds(database: LedgerDatabase): Promise<string[]> {
  const rows = await database.query<{ id: string }>(
    `SELECT delegation_id AS id FROM delegations WHERE delegation_id LIKE 'living-%'`,
  );
  return rows.map(({ id }) => id);
}

/** Heartbeats over this many connections, each sent after the previous one and a pause. */
class Agents {
  readonly #pool: pg.Pool;
  readonly #ids: readonly string[];

  constructor(pool: pg.Pool, ids: readonly string[]) {
    this.#pool = pool;
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

function percentile99(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length * 0.99)]!;
}
