import { setTimeout as sleep } from 'node:timers/promises';
import { Agents, LIVING_PREFIX, livingIds, percentile99 } from '../agents.ts';
import type { Bench } from '../bench.ts';
import { Daemon } from '../daemon.ts';
import { insertFinished, insertFleet, settle } from '../data.ts';
import { type Findings, median } from '../figure.ts';
import type { LedgerDatabase } from '../ledger-database.ts';

const LIVING = 2000;
const QUIET_MS = 10_000;

/**
 * Living agents during sweeps of many rows, on the same cores: how long their heartbeats take, compared with a quiet time
 * in the same run; and the daemon's memory, which must not grow after the first of those sweeps.
 */
export async function besideSweepsScenario({ template, quick, say }: Bench): Promise<Findings> {
  const [rows, sweeps] = quick ? [50_000, 2] : [200_000, 6];
  await using database = await template.copy();
  say('beside-sweeps: the table');
  await insertFinished(database, quick ? 50_000 : 2_000_000);
  await insertFleet(database, { rows: LIVING, silentFromSeconds: 0, silentToSeconds: 0, prefix: LIVING_PREFIX });
  const agents = new Agents(database.url, await livingIds(database));
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
