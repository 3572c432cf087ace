import { type Kysely, sql } from 'kysely';
import pg from 'pg';
import { readPlacement } from '../../src/db/citus/placement.ts';
import { onNode } from '../../src/db/node/on-node.ts';
import type { Database } from '../../src/db/schema.ts';
import type { DelegationLedger } from '../../src/ledger/ledger.ts';
import type { Bench } from '../bench.ts';
import { insertFleet } from '../data.ts';
import { type Figure, medianFigure } from '../figure.ts';
import { beatAll, chunksOf, ledgerOf } from '../heartbeating.ts';
import { kyselyOf, poolOf } from '../ledger-database.ts';
import { LogFile } from '../sink.ts';
import { sweepOnce } from '../sweeping.ts';
import { type Cluster, PGBOSS_SCHEMA, type Timed } from './cluster.ts';
import { startOver } from './spread.ts';

/** Of each ledger; each begins from a hundred thousand new rows. */
const SWEEPS = 3;
/** A call of heartbeatMany. */
const TOGETHER = 100;
/** As in the scenario `sweep`. */
const SILENT = { silentFromSeconds: 660, silentToSeconds: 4260 };

interface Place {
  readonly schema: string;
  /** The node that has its tables. */
  readonly node: string;
}

/** The ledger on the node, and the ordinary one. */
interface Pair<T> {
  readonly there: T;
  readonly ordinary: T;
}

interface Contestant extends Place {
  /** Statements about the ledger's tables go to its node from here. */
  readonly db: Kysely<Database>;
  /** By one session, so that it is one's CPU. */
  readonly ledger: DelegationLedger;
  readonly tables: TablesClient;
}

/** The same work on a ledger on a node and on an ordinary one on the coordinator, in turns. */
export async function besideOrdinary(cluster: Cluster, place: Place, { quick, say }: Bench): Promise<Figure[]> {
  const ordinary = { schema: await cluster.ordinaryLedger(), node: cluster.coordinator };
  const pair = { there: await contestant(cluster, place), ordinary: await contestant(cluster, ordinary) };
  try {
    const figures = await heartbeats(cluster, pair, quick);
    say('ledgers: a sweep of one on a node and of an ordinary one');
    return [...figures, ...(await sweeps(cluster, pair, quick))];
  } finally {
    for (const { db, tables } of Object.values(pair)) {
      await db.destroy();
      await tables.end();
    }
  }
}

async function contestant(cluster: Cluster, { schema, node }: Place): Promise<Contestant> {
  const db = kyselyOf(poolOf(cluster.url, 4)).withSchema(schema);
  const placement = await readPlacement(db, { dbSchema: schema, pgbossSchema: PGBOSS_SCHEMA });
  const shards = placement.kind === 'distributed' ? placement.shards : {};
  const tables = new TablesClient(cluster.tablesUrl(node, schema), (sql) =>
    Object.keys(shards).length === 0 ? sql : onNode(sql, shards),
  );
  await tables.connect();
  return { schema, node, db, ledger: ledgerOf(db), tables };
}

/** Sends SQL about a ledger's tables, by their names, to the node that has them. */
class TablesClient {
  readonly #client: pg.Client;
  readonly #named: (sql: string) => string;

  constructor(connectionString: string, named: (sql: string) => string) {
    this.#client = new pg.Client({ connectionString });
    this.#named = named;
  }

  async connect(): Promise<void> {
    await this.#client.connect();
  }

  async query<Row extends object>(sql: string, parameters: unknown[] = []): Promise<Row[]> {
    return (await this.#client.query(this.#named(sql), parameters)).rows as Row[];
  }

  async end(): Promise<void> {
    await this.#client.end();
  }
}

async function inTurns(
  rounds: number,
  { there, ordinary }: Pair<() => Promise<Timed>>,
): Promise<Pair<readonly Timed[]>> {
  const timed: { readonly [Name in keyof Pair<unknown>]: Timed[] } = { there: [], ordinary: [] };
  for (let round = 0; round < rounds; round += 1) {
    timed.there.push(await there());
    timed.ordinary.push(await ordinary());
  }
  return timed;
}

const cpuUs = (timed: readonly Timed[], node: string, units: number) =>
  timed.map(({ cpuMs }) => (cpuMs.get(node)! / units) * 1000);

const ofEach = <T>(pair: Pair<Contestant>, work: (one: Contestant) => T): Pair<T> => ({
  there: work(pair.there),
  ordinary: work(pair.ordinary),
});

async function heartbeats(cluster: Cluster, pair: Pair<Contestant>, quick: boolean): Promise<Figure[]> {
  const rounds = quick ? 3 : 7;
  const beats = quick ? 2000 : 5000;
  const ids = await startOver(pair.there.ledger, beats, 'beside');
  await startOver(pair.ordinary.ledger, beats, 'beside');
  const contest = (beat: (ledger: DelegationLedger) => Promise<void>) =>
    inTurns(
      rounds,
      ofEach(
        pair,
        ({ ledger }) =>
          () =>
            cluster.time(() => beat(ledger)),
      ),
    );
  const calls = chunksOf(ids, TOGETHER);
  const singly = await contest((ledger) => beatEach(ledger, ids));
  const together = await contest((ledger) => beatAll(ledger, calls));
  const { coordinator } = cluster;
  const { node } = pair.there;
  const us = (timed: readonly Timed[], where: string) => cpuUs(timed, where, beats);
  const ordinary = us(singly.ordinary, coordinator);
  const of = (samples: readonly number[]) => samples.map((sample, round) => sample / ordinary[round]!);
  return [
    medianFigure('a heartbeat of an ordinary ledger: CPU of the coordinator', 'us', ordinary),
    medianFigure('a heartbeat of a ledger on a node: CPU of the coordinator', 'us', us(singly.there, coordinator)),
    medianFigure('a heartbeat of a ledger on a node: CPU of the node', 'us', us(singly.there, node)),
    medianFigure(
      "the coordinator's CPU for a heartbeat, of an ordinary one's",
      'x',
      of(us(singly.there, coordinator)),
      {
        limit: { atMost: 1 },
      },
    ),
    medianFigure('one of a hundred, ordinary: CPU of the coordinator', 'us', us(together.ordinary, coordinator)),
    medianFigure('one of a hundred, on a node: CPU of the coordinator', 'us', us(together.there, coordinator)),
    medianFigure('one of a hundred, on a node: CPU of the node', 'us', us(together.there, node)),
    medianFigure(
      "the coordinator's CPU for one of a hundred, of an ordinary single one's",
      'x',
      of(us(together.there, coordinator)),
      { limit: { atMost: 0.25 } },
    ),
  ];
}

async function beatEach(ledger: DelegationLedger, ids: readonly string[]): Promise<void> {
  for (const id of ids) {
    const { outcome } = await ledger.heartbeat(id);
    if (outcome !== 'stamped') throw new Error(`a heartbeat was ${outcome}`);
  }
}

async function sweeps(cluster: Cluster, pair: Pair<Contestant>, quick: boolean): Promise<Figure[]> {
  const rows = quick ? 20_000 : 100_000;
  using sink = new LogFile();
  const sweep = async (one: Contestant) => {
    await refill(one, rows);
    return cluster.time(async () => {
      const { stuck } = await sweepOnce(one.db, sink.log);
      if (stuck !== rows) throw new Error(`a sweep marked ${stuck} of ${rows} rows`);
    });
  };
  // The first of each makes its sessions' plans.
  await sweep(pair.there);
  await sweep(pair.ordinary);
  const { there, ordinary } = await inTurns(
    SWEEPS,
    ofEach(pair, (one) => () => sweep(one)),
  );
  const us = (timed: readonly Timed[], where: string) => cpuUs(timed, where, rows);
  const rate = (timed: readonly Timed[]) => timed.map(({ ms }) => (rows / ms) * 1000);
  const size = `a sweep of ${rows.toLocaleString('en')} rows`;
  const { coordinator } = cluster;
  return [
    medianFigure(`${size}, ordinary`, 'rows/s', rate(ordinary)),
    medianFigure(`${size}, ordinary: CPU of a row on the coordinator`, 'us', us(ordinary, coordinator)),
    medianFigure(`${size}, on a node`, 'rows/s', rate(there)),
    medianFigure(`${size}, on a node: CPU of a row on the coordinator`, 'us', us(there, coordinator)),
    medianFigure(`${size}, on a node: CPU of a row on the node`, 'us', us(there, pair.there.node)),
    medianFigure(
      `${size}, on a node, of an ordinary one's rate`,
      'x',
      rate(there).map((one, round) => one / rate(ordinary)[round]!),
      { limit: { atLeast: 0.7 } },
    ),
  ];
}

/** So many rows in progress that have all fallen silent, and nothing else. */
async function refill({ schema, db, tables }: Contestant, rows: number): Promise<void> {
  const delegations = sql.id(schema, 'delegations');
  await sql`TRUNCATE ${delegations}, ${sql.id(schema, 'activity_logs')} CASCADE`.execute(db);
  await insertFleet(tables, { rows, ...SILENT });
  await sql`VACUUM (ANALYZE) ${delegations}`.execute(db);
}
