import { randomBytes } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach } from '@jest/globals';
import type { Kysely } from 'kysely';
import pg from 'pg';
import { installSchemas } from '../../src/compose/install.ts';
import { readPlacement } from '../../src/db/citus/placement.ts';
import { openDatabase } from '../../src/db/database.ts';
import { onNode, type Shards } from '../../src/db/node/on-node.ts';
import type { Database } from '../../src/db/schema.ts';
import type { Queryable } from '../support/wait-for.ts';

export interface CitusLedger {
  readonly url: string;
  readonly schema: string;
  readonly db: Kysely<Database>;
  query<Row>(text: string, values?: readonly unknown[]): Promise<Row[]>;
  /** Where its node is. */
  node(): Promise<Node>;
  /** A node that is not its own. */
  otherNode(): Promise<Node>;
  /** To this node, unless it is there. */
  moveTo(node: Node): Promise<void>;
  /**
   * A session on its node, for statements that Citus refuses, such as those that shift instants. They are written by `onNode`
   * with `shards`. Without JIT, which takes longer than what a test looks up in tables that nobody has analyzed.
   */
  nodeUrl(): Promise<string>;
  readonly shards: Shards;
}

export interface Node {
  readonly host: string;
  readonly port: number;
}

interface CitusLedgerOptions {
  readonly per?: 'file' | 'test';
  /** A node is restarted meanwhile: the coordinator's sessions keep no connection to one, which would be broken then. */
  readonly restarts?: boolean;
}

/** A ledger in a distributed schema of its own, made and dropped by Jest's hooks: one for the file, or one for each test. */
export function useCitusLedger({ per = 'file', restarts = false }: CitusLedgerOptions = {}): CitusLedger {
  const url = process.env.CITUS_URL!;
  const sessions = new URL(url);
  if (restarts) sessions.searchParams.set('options', '-ccitus.max_cached_conns_per_worker=0');
  const schema = `ledger_${randomBytes(4).toString('hex')}`;
  const handle = openDatabase({
    location: { url: sessions.href },
    schema,
    max: 8,
    applicationName: 'delegation-sweeper test',
    queryTimeoutMs: 0,
  });
  const query = async <Row>(text: string, values: readonly unknown[] = []) =>
    (await handle.pool.query(text, [...values])).rows as Row[];
  const nodes = (comparison: '=' | '<>') =>
    query<Node>(
      `SELECT n.nodename AS host, n.nodeport AS port FROM pg_dist_node n WHERE n.shouldhaveshards AND n.isactive AND n.groupid ${comparison} (
         SELECT p.groupid FROM pg_dist_placement p JOIN pg_dist_shard s USING (shardid)
         WHERE s.logicalrelid = $1::regclass) ORDER BY n.nodeport`,
      [`${schema}.delegations`],
    );
  let shards: Shards = {};
  (per === 'file' ? beforeAll : beforeEach)(async () => {
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    await client.query(`SET citus.enable_schema_based_sharding = on; CREATE SCHEMA ${schema}`);
    await client.end();
    await installSchemas({ location: { url }, dbSchema: schema, pgbossSchema: 'pgboss' });
    const placement = await readPlacement(handle.db, { dbSchema: schema, pgbossSchema: 'pgboss' });
    if (placement.kind !== 'distributed') throw new Error(`the schema ${schema} is not distributed`);
    shards = placement.shards;
  });
  (per === 'file' ? afterAll : afterEach)(async () => {
    await query(`DROP SCHEMA ${schema} CASCADE`);
  });
  afterAll(async () => {
    await handle[Symbol.asyncDispose]();
  });
  const node = async () => (await nodes('='))[0]!;
  return {
    url,
    schema,
    db: handle.db,
    query,
    node,
    otherNode: async () => (await nodes('<>'))[0]!,
    async moveTo({ host, port }) {
      if ((await node()).port === port) return;
      await query(`SELECT citus_schema_move($1::regnamespace, $2, $3, 'force_logical')`, [schema, host, port]);
    },
    async nodeUrl() {
      const { host, port } = await node();
      const there = new URL(url);
      there.hostname = host;
      there.port = String(port);
      there.searchParams.set(
        'options',
        `-c search_path=${schema} -c citus.enable_manual_changes_to_shards=on -c jit=off`,
      );
      return there.href;
    },
    get shards() {
      return shards;
    },
  };
}

/** What is stored, read and written on the ledger's node past Citus, by the names that the tables have elsewhere. */
export function storeOf(ledger: CitusLedger): Queryable & AsyncDisposable {
  let pool: Promise<pg.Pool> | undefined;
  const opened = async () => new pg.Pool({ connectionString: await ledger.nodeUrl(), max: 4 });
  return {
    query: async <Row>(text: string, values: unknown[] = []) => {
      pool ??= opened();
      return (await (await pool).query(onNode(text, ledger.shards), values)).rows as Row[];
    },
    async [Symbol.asyncDispose]() {
      await (await pool)?.end();
    },
  };
}
