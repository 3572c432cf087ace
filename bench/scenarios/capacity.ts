import { randomUUID } from 'node:crypto';
import type { Bench } from '../bench.ts';
import { walBytes } from '../counters.ts';
import { fleetOf } from '../data.ts';
import { type Findings, median, medianFigure } from '../figure.ts';
import { beatAll, chunksOf, idsInProgress, ledgerOf } from '../heartbeating.ts';
import type { LedgerDatabase } from '../ledger-database.ts';
import { type Contestant, takeTurns } from '../turns.ts';

const ROUNDS = 5;
/** Bytes of a task's and of a result's preview. */
const PREVIEW = 'x'.repeat(160);
const CONNECTIONS = 4;

/** The unit costs that docs/performance.md's capacity plan is computed from: disk, write-ahead log, the server's CPU. */
export async function capacityScenario(bench: Bench): Promise<Findings> {
  return { figures: [...(await lives(bench)), ...(await heartbeats(bench))] };
}

/** Whole lives through the ledger: insert, in_progress, completed; three activity rows each, small bodies. */
async function lives({ template, load, quick }: Bench) {
  await using database = await template.copy();
  const ledger = ledgerOf(database.open({ max: CONNECTIONS }));
  const count = quick ? 1_000 : 6_000;
  const wal: number[] = [];
  const live = async () => {
    const delegationId = randomUUID();
    await ledger.insert({ delegationId, callerId: 'caller-1', calleeId: 'callee-1', taskPreview: PREVIEW });
    await ledger.setStatus(delegationId, 'in_progress');
    const { outcome } = await ledger.setStatus(delegationId, 'completed', { resultPreview: PREVIEW });
    if (outcome !== 'changed') throw new Error(outcome);
  };
  const rates = await takeTurns(load, ROUNDS, [
    {
      name: 'lives',
      units: count,
      prepare: async () => {},
      async run() {
        const before = await walBytes(database);
        await Promise.all(
          Array.from({ length: CONNECTIONS }, async () => {
            for (let i = 0; i < count / CONNECTIONS; i += 1) await live();
          }),
        );
        wal.push(((await walBytes(database)) - before) / count);
      },
    },
  ]);
  const { perSecond, serverCpuUs } = rates.get('lives')!;
  await database.query('VACUUM delegations, activity_logs');
  return [
    medianFigure('delegations lived through a second, four connections', 'a second', perSecond),
    medianFigure('CPU of PostgreSQL for one', 'us', serverCpuUs),
    medianFigure('write-ahead log of one, full-page images included', 'bytes', wal),
    { what: 'disk: its row, with indexes', unit: 'bytes', value: await bytesARow(database, 'delegations') },
    {
      what: 'disk: its three activity rows, with indexes',
      unit: 'bytes',
      value: 3 * (await bytesARow(database, 'activity_logs')),
    },
  ];
}

async function bytesARow(database: LedgerDatabase, table: string): Promise<number> {
  const [row] = await database.query<{ bytes: number }>(
    `SELECT pg_total_relation_size('${table}')::float8 / (SELECT count(*) FROM ${table}) AS bytes`,
  );
  return row!.bytes;
}

/** The server's CPU for a heartbeat: single, in batches of 100, and fresh. */
async function heartbeats(bench: Bench) {
  const { load, quick } = bench;
  await using database = await fleetOf(bench, 10_000);
  const ids = await idsInProgress(database);
  const single = ids.slice(0, quick ? 1000 : 5000);
  const db = database.open({ max: 1 });
  const eager = ledgerOf(db);
  const debounced = ledgerOf(db, 3_600_000);
  const prepare = async () => {};
  const contestants: Contestant[] = [
    { name: 'single', units: single.length, prepare, run: () => each(single, (id) => eager.heartbeat(id)) },
    { name: 'in batches of 100', units: ids.length, prepare, run: () => beatAll(eager, chunksOf(ids, 100)) },
    { name: 'fresh', units: single.length, prepare, run: () => each(single, (id) => debounced.heartbeat(id)) },
  ];
  const rates = await takeTurns(load, ROUNDS, contestants);
  return contestants.map(({ name }) =>
    medianFigure(`CPU of PostgreSQL for a heartbeat, ${name}`, 'us', rates.get(name)!.serverCpuUs, {
      note: `and ${median(rates.get(name)!.clientCpuUs).toFixed(0)} us in the agent's process`,
    }),
  );
}

async function each(ids: readonly string[], work: (id: string) => Promise<unknown>): Promise<void> {
  for (const id of ids) await work(id);
}
