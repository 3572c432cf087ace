import type { Bench } from '../bench.ts';
import { reseed } from '../data.ts';
import { type Figure, type Findings, median, medianFigure } from '../figure.ts';
import type { LedgerDatabase } from '../ledger-database.ts';
import { graphileWorker } from '../peers/graphile-worker.ts';
import { runLimit } from '../peers/limit.ts';
import { oban } from '../peers/oban.ts';
import type { Peer } from '../peers/peer.ts';
import { pgBossMonitor } from '../peers/pgboss-monitor.ts';
import { river } from '../peers/river.ts';
import { runRowByRow } from '../peers/row-by-row.ts';
import { LogFile } from '../sink.ts';
import { besideLimit, expectSwept, silentFleet, sweepFigures } from '../sweep-beside-limit.ts';
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
    const contestants = [
      ...besideLimit(database, rows, sink.log, runLimit),
      rowByRow(database, quick ? 1000 : 5000),
      ...peers,
    ];
    const rates = await takeTurns(bench.load, ROUNDS, contestants);
    figures.push(...sweepFigures(rates, rows), ...rowByRowFigures(rates), ...peerFigures(rates, peers));
  } finally {
    for (const peer of peers) await peer[Symbol.asyncDispose]();
  }
  const many = quick ? 30_000 : 1_000_000;
  bench.say(`sweep: ${many} rows`);
  await using large = await silentFleet(bench, many);
  figures.push(
    ...sweepFigures(await takeTurns(bench.load, ROUNDS, besideLimit(large, many, sink.log, runLimit)), many),
  );
  bench.say('sweep: batch sizes');
  const pictures = [await overBatchSizes(bench, database, rows, sink)];
  return { figures, pictures };
}

function rowByRow(database: LedgerDatabase, rows: number): Contestant {
  return {
    name: 'row by row',
    units: rows,
    prepare: () => reseed(database),
    run: () => runRowByRow(database, rows),
    verify: () => expectSwept(database, rows),
  };
}

function rowByRowFigures(rates: Map<string, Rates>): Figure[] {
  return [
    medianFigure('row by row, SELECT then UPDATE', 'rows/s', rates.get('row by row')!.perSecond),
    medianFigure('sweep / row by row', 'x', ratios(rates, 'sweep', 'row by row'), { limit: { atLeast: 20 } }),
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
