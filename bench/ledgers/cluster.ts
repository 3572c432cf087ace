import pg from 'pg';
import { installSchemas } from '../../src/compose/install.ts';
import { Load, parentOf } from '../load.ts';

/** Not in use by anybody's ledger: what begins so is dropped. */
const PREFIX = 'delegation_sweeper_bench';
export const PGBOSS_SCHEMA = `${PREFIX}_pgboss`;

interface Node {
  readonly name: string;
  readonly url: string;
  readonly load: Load;
}

export interface Timed {
  readonly ms: number;
  /** Of each node's server, by the node's name. */
  readonly cpuMs: ReadonlyMap<string, number>;
}

/** A cluster of Citus whose nodes all run on this machine, where their CPU can be read, and the ledgers that are made in it. */
export class Cluster implements AsyncDisposable {
  readonly url: string;
  readonly coordinator: string;
  readonly workers: readonly string[];
  readonly #nodes: ReadonlyMap<string, Node>;
  readonly #schemas: string[] = [PGBOSS_SCHEMA];

  private constructor(url: string, nodes: readonly Node[]) {
    this.url = url;
    [this.coordinator, ...this.workers] = nodes.map(({ name }) => name) as [string, ...string[]];
    this.#nodes = new Map(nodes.map((node) => [node.name, node]));
  }

  /** `url`: of the coordinator, as a superuser. */
  static async of(url: string): Promise<Cluster> {
    const workers = await withClient(url, async (client) => {
      const { rows } = await client.query<{ host: string; port: number }>(
        `SELECT nodename AS host, nodeport AS port FROM pg_dist_node WHERE groupid > 0 AND noderole = 'primary' ORDER BY groupid`,
      );
      return rows;
    });
    const places = [
      { name: 'the coordinator', url },
      ...workers.map((place, i) => ({ name: `node ${i + 1}`, url: at(url, place) })),
    ];
    const nodes: Node[] = [];
    for (const place of places) nodes.push({ ...place, load: new Load(await postmasterOf(place.url)) });
    return new Cluster(url, nodes);
  }

  /** A ledger on a worker, in a distributed schema. Returns its name. */
  async ledgerOn(worker: string): Promise<string> {
    const schema = await this.#create('SET citus.enable_schema_based_sharding = on');
    const { hostname, port } = new URL(this.#nodes.get(worker)!.url);
    // Citus places a schema by itself, two of them perhaps on one node.
    await withClient(this.url, (client) =>
      client.query(
        `SELECT citus_schema_move($1::regnamespace, $2, $3, 'block_writes')
         WHERE NOT EXISTS (SELECT FROM pg_dist_shard s JOIN pg_dist_placement p USING (shardid) JOIN pg_dist_node n USING (groupid)
           WHERE s.logicalrelid = to_regclass($4) AND n.nodename = $2 AND n.nodeport = $3)`,
        [schema, hostname, Number(port || 5432), `${schema}.delegations`],
      ),
    );
    return schema;
  }

  /** A ledger in an ordinary schema of the coordinator. Returns its name. */
  ordinaryLedger(): Promise<string> {
    return this.#create('SET citus.enable_schema_based_sharding = off');
  }

  /** A session's URL for a ledger's tables themselves, which are on this node. */
  tablesUrl(node: string, schema: string): string {
    const url = new URL(this.#nodes.get(node)!.url);
    url.searchParams.set('options', `-c search_path=${schema} -c citus.enable_manual_changes_to_shards=on`);
    return url.href;
  }

  async time(work: () => Promise<unknown>): Promise<Timed> {
    const cpuMs = new Map<string, number>();
    let ms = 0;
    let timed = async () => {
      const startedAtMs = performance.now();
      await work();
      ms = performance.now() - startedAtMs;
    };
    for (const { name, load } of this.#nodes.values()) {
      const inner = timed;
      timed = async () => void cpuMs.set(name, (await load.time(inner)).serverCpuMs);
    }
    await timed();
    return { ms, cpuMs };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#drop(this.#schemas);
  }

  async #create(setting: string): Promise<string> {
    const schema = `${PREFIX}_${this.#schemas.length}`;
    this.#schemas.unshift(schema);
    // An earlier run that was killed may have left it.
    await this.#drop([schema]);
    await withClient(this.url, async (client) => {
      await client.query(setting);
      await client.query(`CREATE SCHEMA ${schema}`);
    });
    await installSchemas({ location: { url: this.url }, dbSchema: schema, pgbossSchema: PGBOSS_SCHEMA });
    return schema;
  }

  #drop(schemas: readonly string[]): Promise<void> {
    return withClient(this.url, async (client) => {
      for (const schema of schemas) await client.query(`DROP SCHEMA IF EXISTS ${schema} CASCADE`);
    });
  }
}

function at(url: string, { host, port }: { readonly host: string; readonly port: number }): string {
  const there = new URL(url);
  there.hostname = host;
  there.port = String(port);
  return there.href;
}

function postmasterOf(url: string): Promise<number> {
  return withClient(url, async (client) => {
    const { rows } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
    return parentOf(rows[0]!.pid);
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
