import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll } from '@jest/globals';
import type { Kysely } from 'kysely';
import pg from 'pg';
import { installSchemas } from '../../src/compose/install.ts';
import { readPlacement } from '../../src/db/citus/placement.ts';
import { openDatabase } from '../../src/db/database.ts';
import type { Database } from '../../src/db/schema.ts';

export interface CitusLedger {
  readonly url: string;
  readonly schema: string;
  readonly db: Kysely<Database>;
  query<Row>(text: string, values?: readonly unknown[]): Promise<Row[]>;
  /** Where its node is. */
  node(): Promise<Node>;
  /** A node that is not its own. */
  otherNode(): Promise<Node>;
}

export interface Node {
  readonly host: string;
  readonly port: number;
}

/** A ledger in a distributed schema of its own, made and dropped by Jest's hooks. */
export function useCitusLedger(): CitusLedger {
  const url = process.env.CITUS_URL!;
  const schema = `ledger_${randomBytes(4).toString('hex')}`;
  const handle = openDatabase({
    location: { url },
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
  beforeAll(async () => {
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    await client.query(`SET citus.enable_schema_based_sharding = on; CREATE SCHEMA ${schema}`);
    await client.end();
    await installSchemas({ location: { url }, dbSchema: schema, pgbossSchema: 'pgboss' });
    await readPlacement(handle.db, { dbSchema: schema, pgbossSchema: 'pgboss' });
  });
  afterAll(async () => {
    await query(`DROP SCHEMA ${schema} CASCADE`);
    await handle[Symbol.asyncDispose]();
  });
  return {
    url,
    schema,
    db: handle.db,
    query,
    node: async () => (await nodes('='))[0]!,
    otherNode: async () => (await nodes('<>'))[0]!,
  };
}
