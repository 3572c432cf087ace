import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Bench } from '../bench.ts';
import { updatesOf } from '../counters.ts';
import { fleetOf } from '../data.ts';
import { type Figure, type Findings, medianFigure } from '../figure.ts';
import { idsInProgress, ledgerOf } from '../heartbeating.ts';
import { ratios, takeTurns } from '../turns.ts';

const ROUNDS = 5;
const DELEGATIONS = 1000;
/** A round: TRUNCATE takes the plans away, and making them anew must not be a tenth of what is measured. */
const MANY_CALLS = 10;
const SINGLE_LISTS = 3;
const PREVIEW = 'x'.repeat(160);

/** An orchestrator that delegates a thousand times at once, and the process that keeps as many alive. */
export async function fanOutScenario(bench: Bench): Promise<Findings> {
  bench.say('fan-out: insertMany');
  const inserts = await inserting(bench);
  bench.say('fan-out: keepAlives');
  return { figures: [...inserts, ...(await keepingAlive(bench))] };
}

async function inserting(bench: Bench): Promise<Figure[]> {
  await using database = await bench.template.copy();
  // As in ledger-overhead: with the disk in the picture, one commit for a thousand would win by that alone.
  const ledger = ledgerOf(database.open({ max: 1, startup: '-c synchronous_commit=off' }));
  const list = () =>
    Array.from({ length: DELEGATIONS }, () => ({
      delegationId: randomUUID(),
      callerId: 'caller',
      calleeId: 'callee',
      taskPreview: PREVIEW,
      requestBody: { prompt: 'summarise the quarter', tools: ['search', 'read'], limit: 3 },
    }));
  const prepare = async () => {
    await database.query('TRUNCATE delegations, activity_logs CASCADE');
  };
  const rates = await takeTurns(bench.load, ROUNDS, [
    {
      name: 'insert',
      units: SINGLE_LISTS * DELEGATIONS,
      prepare,
      async run() {
        for (let times = 0; times < SINGLE_LISTS; times += 1) {
          for (const delegation of list()) requireInserted([await ledger.insert(delegation)]);
        }
      },
    },
    {
      name: 'insertMany',
      units: MANY_CALLS * DELEGATIONS,
      prepare,
      async run() {
        for (let times = 0; times < MANY_CALLS; times += 1) requireInserted(await ledger.insertMany(list()));
      },
    },
  ]);
  return [
    medianFigure('insert, one connection', 'a second', rates.get('insert')!.perSecond),
    medianFigure('insertMany(1000), one connection', 'a second', rates.get('insertMany')!.perSecond),
    medianFigure('insertMany(1000) / insert', 'x', ratios(rates, 'insertMany', 'insert'), { limit: { atLeast: 10 } }),
  ];
}

function requireInserted(results: readonly { readonly outcome: string }[]): void {
  const other = results.find(({ outcome }) => outcome !== 'inserted');
  if (other) throw new Error(`an insert was ${other.outcome}`);
}

const KEEP_ALIVE_EVERY_MS = 200;

/** Server CPU per heartbeat: of a thousand keepAlives of one ledger, and of as many calls of heartbeat. */
async function keepingAlive(bench: Bench): Promise<Figure[]> {
  await using database = await fleetOf(bench, DELEGATIONS);
  const ids = await idsInProgress(database);
  const ledger = ledgerOf(database.open({ max: 4 }));
  const forMs = bench.quick ? 3_000 : 10_000;
  const perBeat: { kept: number[]; single: number[] } = { kept: [], single: [] };
  for (let round = 0; round < ROUNDS; round += 1) {
    perBeat.single.push(
      await cpuPerBeat(async () => {
        for (let times = 0; times < (bench.quick ? 2 : 5); times += 1) {
          for (const id of ids) await ledger.heartbeat(id);
        }
      }),
    );
    perBeat.kept.push(
      await cpuPerBeat(async () => {
        await using stack = new AsyncDisposableStack();
        for (const id of ids) stack.use(ledger.keepAlive(id, { everyMs: KEEP_ALIVE_EVERY_MS }));
        await sleep(forMs);
      }),
    );
  }
  return [
    medianFigure('heartbeat: server CPU', 'us', perBeat.single),
    medianFigure('of 1,000 keepAlives of one process: server CPU per heartbeat', 'us', perBeat.kept),
    medianFigure(
      "the same, of a single heartbeat's",
      'x',
      perBeat.kept.map((us, round) => us / perBeat.single[round]!),
      { limit: { atMost: 1 / 8 } },
    ),
  ];

  async function cpuPerBeat(work: () => Promise<void>): Promise<number> {
    const before = await settledUpdates();
    const { serverCpuMs } = await bench.load.time(work);
    const beats = (await settledUpdates()) - before;
    if (beats < DELEGATIONS) throw new Error(`only ${beats} heartbeats were written`);
    return (serverCpuMs * 1000) / beats;
  }

  /** A session reports what it has counted no more than once a second, at the end of a statement. */
  async function settledUpdates(): Promise<number> {
    await sleep(1_100);
    await Promise.all(Array.from({ length: 4 }, () => ledger.get(ids[0]!)));
    return (await updatesOf(database, 'delegations')).updates;
  }
}
