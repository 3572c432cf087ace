import { availableParallelism } from 'node:os';
import type { DelegationLedger } from '../../src/ledger/ledger.ts';
import type { Bench } from '../bench.ts';
import { type Figure, type Findings, median, medianFigure } from '../figure.ts';
import { ledgerOf } from '../heartbeating.ts';
import { LedgerTemplate } from '../ledger-database.ts';
import { citusFigures } from '../ledgers/citus-nodes.ts';
import { installLedgers } from '../ledgers/install-ledgers.ts';
import { besideBusyCore, PinnedServer } from '../ledgers/pinned-server.ts';
import { beatOver, CONNECTIONS, liveOver, startOver } from '../ledgers/spread.ts';
import type { Timed } from '../load.ts';
import { BenchServer } from '../server.ts';
import { type Contestant, FOREIGN_MAX, takeTurns } from '../turns.ts';

const COUNTS = [1, 2, 4];

/** What several ledgers carry: on one server, on two, and with CITUS_URL on the nodes of a cluster. */
export async function ledgersScenario(bench: Bench): Promise<Findings> {
  const figures = [...(await oneServer(bench)), ...(await twoServers(bench))];
  const { CITUS_URL: citusUrl } = process.env;
  if (citusUrl !== undefined) figures.push(...(await citusFigures(citusUrl, bench)));
  return { figures };
}

/** The same work over one, two and four ledgers in one database. Commits do not wait for the disk, as in `lives`. */
async function oneServer({ template, load, quick, say }: Bench): Promise<Figure[]> {
  const rounds = quick ? 3 : 7;
  const lives = quick ? 1000 : 4000;
  const beats = quick ? 2000 : 8000;
  await using database = await template.copy();
  const schemas = await installLedgers(database, Math.max(...COUNTS));
  const startup = '-c synchronous_commit=off';
  const db = database.open({ max: CONNECTIONS, startup });
  const ledgers = schemas.map((schema) => ledgerOf(db.withSchema(schema)));
  const tables = schemas.map((schema) => `${schema}.delegations, ${schema}.activity_logs`).join(', ');
  const empty = async () => void (await database.query(`TRUNCATE ${tables} CASCADE`));
  const contest = (work: (some: readonly DelegationLedger[]) => Pick<Contestant, 'prepare' | 'run'>, units: number) =>
    takeTurns(
      load,
      rounds,
      COUNTS.map((count) => ({ name: nameOf(count), units, ...work(ledgers.slice(0, count)) })),
    );
  say('ledgers: lives over 1, 2 and 4 ledgers of one server');
  const living = await contest((some) => ({ prepare: empty, run: () => liveOver(some, lives) }), lives);
  say('ledgers: heartbeats over 1, 2 and 4 ledgers of one server');
  await empty();
  const fleets = new Map<number, string[][]>();
  for (const count of COUNTS) {
    const each = ledgers.slice(0, count).map((ledger, i) => startOver(ledger, beats / count, `${count}-${i}`));
    fleets.set(count, await Promise.all(each));
  }
  const beating = await contest(
    (some) => ({ prepare: async () => {}, run: () => beatOver(some, fleets.get(some.length)!) }),
    beats,
  );
  return COUNTS.flatMap((count) => {
    const [lived, beaten] = [living.get(nameOf(count))!, beating.get(nameOf(count))!];
    return [
      medianFigure(`lives over ${nameOf(count)} of one server`, 'a second', lived.perSecond),
      medianFigure(`lives over ${nameOf(count)} of one server: server CPU of one`, 'us', lived.serverCpuUs),
      medianFigure(`heartbeats over ${nameOf(count)} of one server`, 'a second', beaten.perSecond),
      medianFigure(`heartbeats over ${nameOf(count)} of one server: server CPU of one`, 'us', beaten.serverCpuUs),
    ];
  });
}

const nameOf = (count: number) => (count === 1 ? '1 ledger' : `${count} ledgers`);

/**
 * Two servers with a ledger and a core each, as two machines of one core would be, but for the memory and its caches, which they
 * share. A session of each server makes its lives, so that no client takes part of the cores. While the first is alone the other
 * core is busy, too: otherwise the machine's other work would go there, and only then.
 */
async function twoServers({ server, template, quick, say }: Bench): Promise<Figure[]> {
  if (availableParallelism() < 2) return [];
  say('ledgers: two servers, with a core each');
  const rounds = quick ? 5 : 9;
  const lives = quick ? 2000 : 8000;
  await using other = await BenchServer.start();
  await using firstLedger = await template.copy();
  await using secondLedger = await (await LedgerTemplate.create(other)).copy();
  await using first = await PinnedServer.pin(server, firstLedger.url, 0);
  await using second = await PinnedServer.pin(other, secondLedger.url, 1);
  const alone: number[] = [];
  const both: number[] = [];
  const adds: number[] = [];
  const cpuAlone: number[] = [];
  const cpuFirst: number[] = [];
  const cpuSecond: number[] = [];
  await Promise.all([first.live(lives), second.live(lives)]);
  const foreign: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const { one, ofFirst, ofSecond, ...taken } = await roundOf(first, second, lives);
    foreign.push(taken.foreign);
    const rate = (ms: number) => (lives / ms) * 1000;
    alone.push(rate(one.ms));
    both.push(rate(ofFirst.ms) + rate(ofSecond.ms));
    adds.push(both.at(-1)! / alone.at(-1)! - 1);
    cpuAlone.push((one.serverCpuMs / lives) * 1000);
    cpuFirst.push((ofFirst.serverCpuMs / lives) * 1000);
    cpuSecond.push((ofSecond.serverCpuMs / lives) * 1000);
  }
  return [
    medianFigure('lives of one server alone, on one core', 'a second', alone, {
      note: 'made by a session of the server: no client; the other core is busy',
    }),
    medianFigure('its CPU for one', 'us', cpuAlone),
    medianFigure('lives of two servers at once, a ledger and a core each', 'a second', both),
    medianFigure("the first's CPU for one meanwhile", 'us', cpuFirst),
    medianFigure("the second's CPU for one meanwhile", 'us', cpuSecond),
    medianFigure("a second ledger on a second server adds, of the first's lives", 'x', adds, {
      limit: { atLeast: 0.95 },
      note: `other processes used ${(median(foreign) * 100).toFixed(0)}% of the machine`,
    }),
  ];
}

interface Round {
  /** The first server's lives beside a busy core. */
  readonly one: Timed;
  readonly ofFirst: Timed;
  readonly ofSecond: Timed;
  /** The share of the machine that neither these servers nor what kept the core busy used, while both servers worked or one did. */
  readonly foreign: number;
}

/**
 * Once more where other processes used much of the machine: while both cores belong to the servers it takes from their lives, and while one
 * does it takes from the filler.
 */
async function roundOf(first: PinnedServer, second: PinnedServer, lives: number): Promise<Round> {
  const round = await oneRound(first, second, lives);
  if (round.foreign <= FOREIGN_MAX) return round;
  const again = await oneRound(first, second, lives);
  return again.foreign < round.foreign ? again : round;
}

async function oneRound(first: PinnedServer, second: PinnedServer, lives: number): Promise<Round> {
  await first.empty();
  const one = await besideBusyCore(1, () => first.load.time(() => first.live(lives)));
  await Promise.all([first.empty(), second.empty()]);
  const [ofFirst, ofSecond] = await Promise.all([
    first.load.time(() => first.live(lives)),
    second.load.time(() => second.live(lives)),
  ]);
  const besides = ({ foreign, ms }: Timed, ourMs: number) => foreign - ourMs / (ms * availableParallelism());
  return {
    one,
    ofFirst,
    ofSecond,
    foreign: Math.max(0, besides(one, one.ms), besides(ofFirst, ofSecond.serverCpuMs)),
  };
}
