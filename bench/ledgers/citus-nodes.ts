import pg from 'pg';
import { installSchemas } from '../../src/compose/install.ts';
import type { Bench } from '../bench.ts';
import { type Figure, medianFigure } from '../figure.ts';
import { ledgerOf } from '../heartbeating.ts';
import { kyselyOf, poolOf } from '../ledger-database.ts';
import { Load, parentOf } from '../load.ts';
import { CONNECTIONS, liveOver } from './spread.ts';

/** Not in use by anybody's ledger: they are dropped. */
const PREFIX = 'delegation_sweeper_bench';

interface Node {
  readonly name: string;
  readonly url: string;
}

/**
 * Lives over one ledger and over one of each worker node, by the coordinator, with the CPU of each node. `url`: a
 * database of a cluster whose nodes all run on this machine, where their CPU can be read.
 */
export async function citusFigures(url: string, { quick, say }: Bench): Promise<Figure[]> {
  say('ledgers: on the nodes of Citus');
  const rounds = quick ? 3 : 7;
  const lives = quick ? 500 : 2000;
  const nodes = await nodesOf(url);
  const schemas = Array.from({ length: nodes.length - 1 }, (_, i) => `${PREFIX}_${i + 1}`);
  await drop(url, schemas);
  try {
    for (const [i, dbSchema] of schemas.entries()) {
      await command(url, 'SET citus.enable_schema_based_sharding = on', `CREATE SCHEMA ${dbSchema}`);
      await installSchemas({ location: { url }, dbSchema, pgbossSchema: `${PREFIX}_pgboss` });
      await move(url, dbSchema, nodes[i + 1]!);
    }
    const loads = new Map<string, Load>();
    for (const node of nodes) loads.set(node.name, new Load(await postmasterOf(node.url)));
    const db = kyselyOf(poolOf(url, CONNECTIONS));
    try {
      const ledgers = schemas.map((schema) => ledgerOf(db.withSchema(schema)));
      const figures: Figure[] = [];
      for (const count of new Set([1, schemas.length])) {
        figures.push(...(await measure(ledgers.slice(0, count), { rounds, lives, loads })));
      }
      return figures;
    } finally {
      await db.destroy();
    }
  } finally {
    await drop(url, schemas);
  }
}

interface Size {
  readonly rounds: number;
  readonly lives: number;
  readonly loads: ReadonlyMap<string, Load>;
}

async function measure(ledgers: Parameters<typeof liveOver>[0], { rounds, lives, loads }: Size): Promise<Figure[]> {
  const perSecond: number[] = [];
  const cpuUs = new Map([...loads.keys()].map((name): [string, number[]] => [name, []]));
  await liveOver(ledgers, lives / 10);
  for (let round = 0; round < rounds; round += 1) {
    let work = async () => {
      const startedAtMs = performance.now();
      await liveOver(ledgers, lives);
      perSecond.push((lives / (performance.now() - startedAtMs)) * 1000);
    };
    for (const [name, load] of loads) {
      const inner = work;
      work = async () => void cpuUs.get(name)!.push(((await load.time(inner)).serverCpuMs / lives) * 1000);
    }
    await work();
  }
  const over = ledgers.length === 1 ? '1 ledger of Citus' : `${ledgers.length} ledgers of Citus`;
  return [
    medianFigure(`lives over ${over}`, 'a second', perSecond),
    ...[...cpuUs].map(([name, samples]) => medianFigure(`lives over ${over}: CPU of one on ${name}`, 'us', samples)),
  ];
}

/** The coordinator first, then the workers. */
async function nodesOf(url: string): Promise<Node[]> {
  return withClient(url, async (client) => {
    const workers = `SELECT nodename AS host, nodeport AS port FROM pg_dist_node WHERE groupid > 0 AND noderole = 'primary' ORDER BY groupid`;
    const { rows } = await client.query<{ host: string; port: number }>(workers);
    return [
      { name: 'the coordinator', url },
      ...rows.map(({ host, port }, i) => {
        const worker = new URL(url);
        worker.hostname = host;
        worker.port = String(port);
        return { name: `node ${i + 1}`, url: worker.href };
      }),
    ];
  });
}

async function postmasterOf(url: string): Promise<number> {
  return withClient(url, async (client) => {
    const { rows } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
    return parentOf(rows[0]!.pid);
  });
}

/** Citus places a schema by itself, two of them perhaps on one node. */
async function move(url: string, schema: string, { url: nodeUrl }: Node): Promise<void> {
  const { hostname, port } = new URL(nodeUrl);
  await withClient(url, async (client) => {
    await client.query(
      `SELECT citus_schema_move($1::regnamespace, $2, $3, 'block_writes')
       WHERE NOT EXISTS (SELECT FROM pg_dist_shard s JOIN pg_dist_placement p USING (shardid) JOIN pg_dist_node n USING (groupid)
         WHERE s.logicalrelid = to_regclass($4) AND n.nodename = $2 AND n.nodeport = $3)`,
      [schema, hostname, Number(port || 5432), `${schema}.delegations`],
    );
  });
}

const drop = (url: string, schemas: readonly string[]) =>
  command(url, ...[...schemas, `${PREFIX}_pgboss`].map((schema) => `DROP SCHEMA IF EXISTS ${schema} CASCADE`));

async function command(url: string, ...statements: readonly string[]): Promise<void> {
  await withClient(url, async (client) => {
    for (const statement of statements) await client.query(statement);
  });
}

async function withClient<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}
