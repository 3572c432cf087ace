import type { DelegationLedger } from '../../src/ledger/ledger.ts';
import type { Bench } from '../bench.ts';
import { type Figure, medianFigure } from '../figure.ts';
import { ledgerOf } from '../heartbeating.ts';
import { kyselyOf, poolOf } from '../ledger-database.ts';
import { besideOrdinary } from './beside-ordinary.ts';
import { Cluster } from './cluster.ts';
import { beatOver, CONNECTIONS, liveOver, startOver } from './spread.ts';

/**
 * Lives and heartbeats over one ledger and over one of each worker node, by the coordinator, with the CPU of each node; then one on a node
 * beside an ordinary one. `url`: a database of a cluster whose nodes all run on this machine.
 */
export async function citusFigures(url: string, bench: Bench): Promise<Figure[]> {
  await using cluster = await Cluster.of(url);
  const schemas: string[] = [];
  for (const worker of cluster.workers) schemas.push(await cluster.ledgerOn(worker));
  const figures: Figure[] = [];
  const db = kyselyOf(poolOf(url, CONNECTIONS));
  try {
    const ledgers = schemas.map((schema) => ledgerOf(db.withSchema(schema)));
    bench.say('ledgers: on the nodes of Citus');
    for (const count of new Set([1, ledgers.length]))
      figures.push(...(await measure(cluster, ledgers.slice(0, count), bench)));
  } finally {
    await db.destroy();
  }
  bench.say('ledgers: one on a node beside an ordinary one');
  const onNode = { schema: schemas[0]!, node: cluster.workers[0]! };
  figures.push(...(await besideOrdinary(cluster, onNode, bench)));
  return figures;
}

async function measure(
  cluster: Cluster,
  ledgers: readonly DelegationLedger[],
  { quick }: Pick<Bench, 'quick'>,
): Promise<Figure[]> {
  const rounds = quick ? 3 : 7;
  const lives = quick ? 500 : 2000;
  const beats = quick ? 900 : 4500;
  const over = ledgers.length === 1 ? '1 ledger of Citus' : `${ledgers.length} ledgers of Citus`;
  const started = ledgers.map((ledger, i) => startOver(ledger, beats / ledgers.length, `${ledgers.length}-${i}`));
  const fleets = await Promise.all(started);
  await liveOver(ledgers, lives / 10);
  return [
    ...(await repeated(cluster, `lives over ${over}`, rounds, lives, () => liveOver(ledgers, lives))),
    ...(await repeated(cluster, `heartbeats over ${over}`, rounds, beats, () => beatOver(ledgers, fleets))),
  ];
}

async function repeated(
  cluster: Cluster,
  what: string,
  rounds: number,
  units: number,
  work: () => Promise<void>,
): Promise<Figure[]> {
  const perSecond: number[] = [];
  const cpuUs = new Map([cluster.coordinator, ...cluster.workers].map((name): [string, number[]] => [name, []]));
  for (let round = 0; round < rounds; round += 1) {
    const { ms, cpuMs } = await cluster.time(work);
    perSecond.push((units / ms) * 1000);
    for (const [name, samples] of cpuUs) samples.push((cpuMs.get(name)! / units) * 1000);
  }
  return [
    medianFigure(what, 'a second', perSecond),
    ...[...cpuUs].map(([name, samples]) => medianFigure(`${what}: CPU of one on ${name}`, 'us', samples)),
  ];
}
