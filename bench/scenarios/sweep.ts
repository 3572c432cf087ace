import type { Bench } from '../bench.ts';
import { insertFleet, keepSeed, reseed, spreadOverRules } from '../data.ts';
import { type Figure, type Findings, median, medianFigure } from '../figure.ts';
import type { LedgerDatabase } from '../ledger-database.ts';
import { graphileWorker } from '../peers/graphile-worker.ts';
import { runLimit, runLimitOfThreeRules } from '../peers/limit.ts';
import { oban } from '../peers/oban.ts';
import { expectCount, type Peer } from '../peers/peer.ts';
import { pgBossMonitor } from '../peers/pgboss-monitor.ts';
import { river } from '../peers/river.ts';
import { runRowByRow } from '../peers/row-by-row.ts';
import { LogFile } from '../sink.ts';
import { sweepOnce } from '../sweeping.ts';
import { type Contestant, type Rates, ratios, takeTurns } from '../turns.ts';

const ROUNDS = 5;

/** Rows swept a second: the sweep compared with the limit, with row by row, and with other programs. */
export async function sweepScenario(bench: Bench): Promise<Findings> {
  const { quick } = bench;
  using sink = new LogFile();
  const figures: Figure[] = [];
  const rows = quick ? 20_000 : 100_000;
  await using database = await silentFleet(bench, rows);
  const peers = await Promise.all([pgBossMonitor, graphileWorker, river, oban].map((make) => make(bench, rows)));
  try {
    const contestants = [...onOurTables(database, rows, sink), rowByRow(database, quick ? 1000 : 5000), ...peers];
    const rates = await takeTurns(bench.load, ROUNDS, contestants);
    figures.push(...figuresOf(rates, rows, { slow: 'row by row' }), ...peerFigures(rates, peers));
  } finally {
    for (const peer of peers) await peer[Symbol.asyncDispose]();
  }
  const many = quick ? 30_000 : 1_000_000;
  bench.say(`sweep: ${many} rows`);
  await using large = await silentFleet(bench, many);
  figures.push(...figuresOf(await takeTurns(bench.load, ROUNDS, onOurTables(large, many, sink)), many));
  bench.say('sweep: batch sizes');
  const pictures = [await overBatchSizes(bench, database, rows, sink)];
  bench.say('sweep: three rules');
  figures.push(...(await threeRules(bench, database, rows, sink)));
  return { figures, pictures };
}

/** A third each is overdue, silent, and without progress. */
async function threeRules(
  { load }: Bench,
  database: LedgerDatabase,
  rows: number,
  { log }: LogFile,
): Promise<Figure[]> {
  await spreadOverRules(database);
  const common = { units: rows, prepare: () => reseed(database), verify: () => verify(database, rows) };
  const rates = await takeTurns(load, ROUNDS, [
    { name: 'limit', ...common, run: () => runLimitOfThreeRules(database) },
    { name: 'sweep', ...common, run: () => sweepOnce(database.db, log) },
  ]);
  return figuresOf(rates, rows, { suffix: ', three rules' });
}

async function silentFleet({ template }: Bench, rows: number): Promise<LedgerDatabase> {
  const database = await template.copy();
  await insertFleet(database, { rows, silentFromSeconds: 660, silentToSeconds: 4260 });
  await keepSeed(database);
  return database;
}

function onOurTables(database: LedgerDatabase, rows: number, { log }: LogFile): Contestant[] {
  const common = { units: rows, prepare: () => reseed(database), verify: () => verify(database, rows) };
  return [
    { name: 'limit', ...common, run: () => runLimit(database) },
    { name: 'sweep', ...common, run: () => sweepOnce(database.db, log) },
  ];
}

function rowByRow(database: LedgerDatabase, rows: number): Contestant {
  return {
    name: 'row by row',
    units: rows,
    prepare: () => reseed(database),
    run: () => runRowByRow(database, rows),
    verify: () => verify(database, rows),
  };
}

async function verify(database: LedgerDatabase, rows: number): Promise<void> {
  const [found] = await database.query<{ marked: number; recorded: number }>(`
    SELECT (SELECT count(*)::int FROM delegations WHERE status IN ('failed', 'stuck')) AS marked,
      (SELECT count(*)::int FROM activity_logs WHERE to_status IN ('failed', 'stuck')) AS recorded`);
  expectCount('the sweep', found!.marked, rows);
  expectCount("the sweep's activity", found!.recorded, rows);
}

function figuresOf(
  rates: Map<string, Rates>,
  rows: number,
  { slow, suffix = '' }: { slow?: string; suffix?: string } = {},
): Figure[] {
  const size = `${rows.toLocaleString('en')} rows${suffix}`;
  const { clientCpuUs, serverCpuUs } = rates.get('sweep')!;
  return [
    medianFigure(`limit: one statement, ${size}`, 'rows/s', rates.get('limit')!.perSecond),
    medianFigure(`sweep, ${size}, batch 1000`, 'rows/s', rates.get('sweep')!.perSecond, {
      note: `CPU a row: ${median(serverCpuUs).toFixed(1)} us in PostgreSQL (the limit: ${median(rates.get('limit')!.serverCpuUs).toFixed(1)}), ${median(clientCpuUs).toFixed(1)} us in the daemon`,
    }),
    medianFigure(`sweep / limit, ${size}`, 'x', ratios(rates, 'sweep', 'limit'), { limit: { atLeast: 0.85 } }),
    ...(slow
      ? [
          medianFigure('row by row, SELECT then UPDATE', 'rows/s', rates.get(slow)!.perSecond),
          medianFigure('sweep / row by row', 'x', ratios(rates, 'sweep', slow), { limit: { atLeast: 20 } }),
        ]
      : []),
  ];
}

function peerFigures(rates: Map<string, Rates>, peers: readonly Peer[]): Figure[] {
  return peers.flatMap(({ name }) => [
    medianFigure(`peer: ${name}`, 'rows/s', rates.get(name)!.perSecond),
    medianFigure(`sweep / ${name}`, 'x', ratios(rates, 'sweep', name)),
  ]);
}

async function overBatchSizes(bench: Bench, database: LedgerDatabase, rows: number, sink: LogFile) {
  const sizes = bench.quick ? [100, 1000, 5000] : [100, 300, 1000, 3000, 10_000];
  const contestants = sizes.map((batchRowsMax) => ({
    name: String(batchRowsMax),
    units: rows,
    prepare: () => reseed(database),
    run: () => sweepOnce(database.db, sink.log, { batchRowsMax }),
  }));
  const rates = await takeTurns(bench.load, bench.quick ? 2 : 3, contestants);
  return {
    id: 'rows-over-batch',
    title: 'Rows swept a second, by batch size',
    xLabel: 'rows in a batch',
    yLabel: 'rows/s',
    kind: 'bars' as const,
    series: [
      { name: 'sweep', points: sizes.map((x) => ({ x: String(x), y: median(rates.get(String(x))!.perSecond) })) },
    ],
  };
}
