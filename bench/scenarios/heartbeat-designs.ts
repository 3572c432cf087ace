import type { Bench } from '../bench.ts';
import { updatesOf, walBytes } from '../counters.ts';
import { fleetOf } from '../data.ts';
import { type Figure, median, medianFigure, type Picture } from '../figure.ts';
import { chunksOf, idsInProgress } from '../heartbeating.ts';
import type { LedgerDatabase } from '../ledger-database.ts';

/** The same rows, updated in the same way, with other indexes. */
const designs: Readonly<Record<string, string>> = {
  'time bucket (ours)': `CREATE INDEX ON design (heartbeat_bucket, delegation_id) WHERE status = 'in_progress'`,
  'index on last_heartbeat': `CREATE INDEX ON design (last_heartbeat) WHERE status = 'in_progress'`,
  'no index': 'SELECT 1',
};

export async function overDesigns(bench: Bench): Promise<{ figures: Figure[]; pictures: Picture[] }> {
  const rows = bench.quick ? 5000 : 20_000;
  await using database = await fleetOf(bench, rows);
  const calls = chunksOf(await idsInProgress(database), 100);
  const measured = new Map<string, { wal: number[]; hot: number[]; rate: number[] }>();
  await bench.server.withoutPageImages(async () => {
    for (let round = 0; round < (bench.quick ? 3 : 5); round += 1) {
      for (const [name, index] of Object.entries(designs)) {
        const kept = measured.get(name) ?? { wal: [], hot: [], rate: [] };
        measured.set(name, kept);
        const { wal, hot, rate } = await beatDesign(bench, database, index, calls);
        kept.wal.push(wal);
        kept.hot.push(hot);
        kept.rate.push(rate);
      }
    }
  });
  const names = Object.keys(designs);
  const of = (key: 'wal' | 'hot' | 'rate') => names.map((x) => ({ x, y: median(measured.get(x)![key]) }));
  return {
    figures: names.flatMap((name) => {
      const { wal, hot, rate } = measured.get(name)!;
      return [
        medianFigure(`design: ${name}`, '% HOT', hot),
        medianFigure(`design: ${name}, write-ahead log`, 'bytes', wal),
        medianFigure(`design: ${name}, batches of 100`, 'heartbeats/s', rate),
      ];
    }),
    pictures: [
      picture('heartbeat-rate', 'Heartbeats a second, by design of the index', 'heartbeats/s', of('rate')),
      picture('heartbeat-wal', 'Write-ahead log of a heartbeat, by design of the index', 'bytes', of('wal')),
    ],
  };
}

function picture(id: string, title: string, yLabel: string, points: { x: string; y: number }[]): Picture {
  return { id, title, xLabel: 'batches of 100', yLabel, kind: 'bars', series: [{ name: yLabel, points }] };
}

async function beatDesign(bench: Bench, database: LedgerDatabase, index: string, calls: readonly string[][]) {
  await database.query('DROP TABLE IF EXISTS design');
  await database.query(`CREATE TABLE design (LIKE delegations INCLUDING ALL EXCLUDING INDEXES)`);
  await database.query('ALTER TABLE design SET (fillfactor = 70, autovacuum_enabled = off)');
  await database.query(
    `INSERT INTO design OVERRIDING SYSTEM VALUE SELECT ${PLAIN_COLUMNS} FROM delegations`.replace(
      ' OVERRIDING SYSTEM VALUE',
      ` (${PLAIN_COLUMNS})`,
    ),
  );
  await database.query('ALTER TABLE design ADD PRIMARY KEY (delegation_id)');
  await database.query(index);
  await database.query('VACUUM (ANALYZE) design');
  const client = await database.pool.connect();
  try {
    const before = await walBytes(database);
    const { ms } = await bench.load.time(async () => {
      for (let round = 0; round < 5; round += 1) for (const ids of calls) await client.query(BEAT_DESIGN, [ids]);
    });
    const wal = (await walBytes(database)) - before;
    await client.query('SELECT pg_stat_force_next_flush()');
    const { updates, hot } = await updatesOf(database, 'design');
    return { wal: wal / updates, hot: (hot / updates) * 100, rate: (updates / ms) * 1000 };
  } finally {
    client.release();
  }
}

const PLAIN_COLUMNS =
  'delegation_id, caller_id, callee_id, status, last_heartbeat, deadline, finished_at, created_at, updated_at, task_preview';

const BEAT_DESIGN = `
WITH locked AS MATERIALIZED (
  SELECT delegation_id FROM design WHERE delegation_id = ANY($1) AND finished_at IS NULL
  ORDER BY delegation_id FOR NO KEY UPDATE)
UPDATE design d SET last_heartbeat = greatest(d.last_heartbeat, clock_timestamp())
FROM locked WHERE d.delegation_id = locked.delegation_id`;
