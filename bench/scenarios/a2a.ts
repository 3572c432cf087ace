import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from '@a2a-js/sdk/client';
import { ledgerTransport } from '../../src/a2a/index.ts';
import { DelegationLedger } from '../../src/ledger/ledger.ts';
import { BenchAgent, CALLER, requestOf } from '../a2a/agent.ts';
import type { Bench } from '../bench.ts';
import { type Figure, type Findings, medianFigure } from '../figure.ts';
import type { LedgerDatabase } from '../ledger-database.ts';
import { type Contestant, ratios, takeTurns } from '../turns.ts';

const ROUNDS = 7;
const STREAM_EVENTS = 100;
const silent = { info() {}, warn() {}, error() {} };
/** What is still written in the background when the calls are over. */
const SETTLED_WITHIN_MS = 10_000;

/**
 * Calls of an agent over HTTP, one after another, by the SDK alone, with the adapter at the caller, and on both sides; the
 * agent answers at once, behind no work at which the ledger could hide. Commits do not wait for the disk. Then the round
 * trips to the ledger of single calls.
 */
export async function a2aScenario(bench: Bench): Promise<Findings> {
  await using database = await bench.template.copy();
  await using agents = new AsyncDisposableStack();
  const startup = '-c synchronous_commit=off';
  let roundTrips = 0;
  const counted = (): DelegationLedger => {
    const db = database.open({ max: 4, startup, log: () => (roundTrips += 1) });
    return new DelegationLedger(db, { logger: silent });
  };
  const ledger = counted();
  const alone = agents.use(await BenchAgent.serve());
  const followed = agents.use(await BenchAgent.serve(counted()));
  const decorate: Parameters<BenchAgent['client']>[0] = (factory) =>
    ledgerTransport(factory, { ledger, callerId: CALLER });
  const clients = {
    'the SDK alone': await alone.client(),
    'the adapter at the caller': await alone.client(decorate),
    'the adapter on both sides': await followed.client(decorate),
  } as const;

  const figures: Figure[] = [];
  for (const [what, calls, call] of [
    ['calls', bench.quick ? 100 : 500, callOnce],
    [`streams of ${STREAM_EVENTS} events`, bench.quick ? 20 : 100, streamOnce],
  ] as const) {
    bench.say(`a2a: ${what}`);
    const contestants = Object.entries(clients).map(
      ([name, client]): Contestant => ({
        name,
        units: calls,
        prepare: () => emptied(database),
        async run() {
          for (let n = 0; n < calls; n += 1) await call(client);
        },
      }),
    );
    const rates = await takeTurns(bench.load, ROUNDS, contestants);
    for (const name of Object.keys(clients)) {
      figures.push(medianFigure(`${what}: ${name}`, 'a second', rates.get(name)!.perSecond));
    }
    for (const name of Object.keys(clients).slice(1)) {
      figures.push(medianFigure(`${what}: ${name} / the SDK alone`, 'x', ratios(rates, name, 'the SDK alone')));
      const added = rates
        .get(name)!
        .perSecond.map((rate, n) => 1000 / rate - 1000 / rates.get('the SDK alone')!.perSecond[n]!);
      figures.push(medianFigure(`${what}: ${name} adds`, 'ms', added));
    }
  }

  for (const [what, call, limit] of [
    ['a call', callOnce, 2],
    [`a stream of ${STREAM_EVENTS} events`, streamOnce, 3],
  ] as const) {
    await settled(database, () => roundTrips);
    roundTrips = 0;
    await call(clients['the adapter at the caller']);
    await settled(database, () => roundTrips);
    figures.push({
      what: `round trips to the ledger of ${what}, at the caller`,
      unit: '',
      value: roundTrips,
      limit: { atMost: limit },
    });
  }
  return { figures };
}

async function callOnce(client: Client): Promise<void> {
  const task = await client.sendMessage(requestOf(3));
  if (!('status' in task) || task.status?.state !== 3) throw new Error('the task was not completed');
}

async function streamOnce(client: Client): Promise<void> {
  let events = 0;
  for await (const _ of client.sendMessageStream(requestOf(STREAM_EVENTS))) events += 1;
  if (events !== STREAM_EVENTS) throw new Error(`${events} events`);
}

/** Without what an earlier turn left, and with nothing of it under way. */
async function emptied(database: LedgerDatabase): Promise<void> {
  await allEnded(database);
  await database.query('TRUNCATE delegations, a2a_tasks, activity_logs');
}

async function allEnded(database: LedgerDatabase): Promise<void> {
  const giveUpAt = performance.now() + SETTLED_WITHIN_MS;
  const open = () => database.query('SELECT FROM delegations WHERE finished_at IS NULL LIMIT 1');
  while ((await open()).length > 0) {
    if (performance.now() > giveUpAt) throw new Error('calls are over, and their delegations are not');
    await sleep(20);
  }
}

/** Every delegation has ended, and no round trip was made for a while. */
async function settled(database: LedgerDatabase, count: () => number): Promise<void> {
  await allEnded(database);
  for (let before = -1; before !== count(); ) {
    before = count();
    await sleep(200);
  }
}
