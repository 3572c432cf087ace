import type { EventLog } from '../src/log/event-log.ts';
import type { Bench } from './bench.ts';
import { insertFleet, keepSeed, reseed } from './data.ts';
import { type Figure, median, medianFigure } from './figure.ts';
import type { LedgerDatabase } from './ledger-database.ts';
import { expectCount } from './peers/peer.ts';
import { sweepOnce } from './sweeping.ts';
import { type Contestant, type Rates, ratios } from './turns.ts';

/** A fleet that has been silent for longer than its threshold. */
export async function silentFleet({ template }: Bench, rows: number): Promise<LedgerDatabase> {
  const database = await template.copy();
  await insertFleet(database, { rows, silentFromSeconds: 660, silentToSeconds: 4260 });
  await keepSeed(database);
  return database;
}

/** The sweep, and one raw statement that writes the same rows, each from the same seed. */
export function besideLimit(
  database: LedgerDatabase,
  rows: number,
  log: EventLog,
  limit: (database: LedgerDatabase) => Promise<void>,
): Contestant[] {
  const common = { units: rows, prepare: () => reseed(database), verify: () => expectSwept(database, rows) };
  return [
    { name: 'limit', ...common, run: () => limit(database) },
    { name: 'sweep', ...common, run: () => sweepOnce(database.db, log) },
  ];
}

export async function expectSwept(database: LedgerDatabase, rows: number): Promise<void> {
  const [found] = await database.query<{ marked: number; recorded: number }>(`
    SELECT (SELECT count(*)::int FROM delegations WHERE status IN ('failed', 'stuck')) AS marked,
      (SELECT count(*)::int FROM activity_logs WHERE to_status IN ('failed', 'stuck')) AS recorded`);
  expectCount('the sweep', found!.marked, rows);
  expectCount("the sweep's activity", found!.recorded, rows);
}

export function sweepFigures(rates: Map<string, Rates>, rows: number, suffix = ''): Figure[] {
  const size = `${rows.toLocaleString('en')} rows${suffix}`;
  const { clientCpuUs, serverCpuUs } = rates.get('sweep')!;
  return [
    medianFigure(`limit: one statement, ${size}`, 'rows/s', rates.get('limit')!.perSecond),
    medianFigure(`sweep, ${size}, batch 1000`, 'rows/s', rates.get('sweep')!.perSecond, {
      note: `CPU a row: ${median(serverCpuUs).toFixed(1)} us in PostgreSQL (the limit: ${median(rates.get('limit')!.serverCpuUs).toFixed(1)}), ${median(clientCpuUs).toFixed(1)} us in the daemon`,
    }),
    medianFigure(`sweep / limit, ${size}`, 'x', ratios(rates, 'sweep', 'limit'), { limit: { atLeast: 0.85 } }),
  ];
}
