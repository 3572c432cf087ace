import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type pg from 'pg';
import { migrateUp } from '../../src/ledger/migrate-up.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { seedDelegation, testLedger } from '../support/fixtures.ts';

// A ledger that was moved or copied to another schema: its functions must use the tables of that schema.
let database: TestDatabase;
let session: pg.Client;
beforeEach(async () => {
  database = await createTestDatabase();
  session = await database.connect();
});
afterEach(async () => {
  await session.end();
  await database[Symbol.asyncDispose]();
});

async function heartbeat(
  schema: string,
  id: string,
): Promise<{ stamped: boolean; stuckAfterMs: number | null } | null> {
  const call = `SELECT ${session.escapeIdentifier(schema)}.delegation_heartbeat($1, 0.001) AS answer`;
  return (await session.query(call, [id])).rows[0].answer;
}

async function ledgerIn(schema: string): Promise<void> {
  await migrateUp(database.db, schema);
}

async function insert(schema: string, id: string = randomUUID()): Promise<string> {
  await session.query(
    `INSERT INTO ${session.escapeIdentifier(schema)}.delegations (delegation_id, caller_id, callee_id, task_preview, status)
     VALUES ($1, 'a', 'b', 'c', 'queued')`,
    [id],
  );
  return id;
}

/** As cloning tools do: tables like the original's, functions by their definition with the schema replaced. */
async function clone(from: string, to: string): Promise<void> {
  await session.query(`CREATE SCHEMA ${to}`);
  for (const table of ['delegations', 'activity_logs', 'sweeper_state', 'sweeper_threshold']) {
    await session.query(`CREATE TABLE ${to}.${table} (LIKE ${from}.${table} INCLUDING ALL)`);
  }
  const { rows } = await session.query(
    `SELECT replace(pg_get_functiondef(oid), $1::text || '.', $2::text || '.') AS definition
     FROM pg_proc WHERE pronamespace = $1::regnamespace AND starts_with(proname, 'delegation_')`,
    [from, to],
  );
  for (const { definition } of rows) await session.query(definition);
}

/** A delegation's whole life through the functions of the schema; returns its outcomes. */
async function life(schema: string): Promise<string[]> {
  const [id, other] = [randomUUID(), randomUUID()];
  const call = async (name: string, args: string, values: unknown[]): Promise<string> => {
    const fn = `${session.escapeIdentifier(schema)}.delegation_${name}(${args})`;
    return (await session.query(`SELECT outcome FROM ${fn}`, values)).rows[0].outcome;
  };
  return [
    await call('insert', `$1, 'a', 'b', 'c', stuck_after_ms => 5000`, [id]),
    await call(
      'insert_many',
      `jsonb_build_array(jsonb_build_object('id', $1::text, 'caller', 'a', 'callee', 'b', 'preview', 'c'))`,
      [other],
    ),
    await call('set_status', `$1, 'in_progress'`, [id]),
    await call('heartbeat', '$1, min_interval_ms => 0', [id]),
    await call('heartbeat', `$1, 'half way', 0`, [id]),
    await call('heartbeat_many', 'ARRAY[$1::text]', [other]),
    await call('wait', `$1, until_ms => 1000, reason => 'x'`, [id]),
    await call('resume', '$1', [id]),
    await call('adjust', '$1, no_stuck_after => true', [id]),
    await call('set_status', `$1, 'completed'`, [id]),
  ];
}

const lived = 'inserted inserted changed stamped stamped stamped waiting resumed adjusted changed'.split(' ');

describe('every function', () => {
  test('finds the tables of its schema after it was renamed, and cloned, in a session that has used it before', async () => {
    await session.query('ALTER SCHEMA public RENAME TO before');
    expect(await life('before')).toEqual(lived);
    await session.query('ALTER SCHEMA before RENAME TO after');
    expect(await life('after')).toEqual(lived);
    await clone('after', 'copied');
    expect(await life('copied')).toEqual(lived);
    expect((await session.query('SELECT count(*)::int AS n FROM copied.delegations')).rows).toEqual([{ n: 2 }]);
    expect((await session.query('SELECT count(*)::int AS n FROM after.delegations')).rows).toEqual([{ n: 4 }]);
  });

  test('calls itself in the schema that the session looks at first', async () => {
    await ledgerIn('of one');
    await session.query('SET search_path = "of one"');
    expect(await life('of one')).toEqual(lived);
  });
});

describe('the heartbeat function', () => {
  test('finds the tables of its schema after it was renamed, in a session that has used it before', async () => {
    // The only ledger: with several, an open session on PostgreSQL 15 could not tell which is its own.
    await session.query('ALTER SCHEMA public RENAME TO before');
    const id = await insert('before');
    expect(await heartbeat('before', id)).toMatchObject({ stamped: true });
    await session.query('ALTER SCHEMA before RENAME TO after');
    expect(await heartbeat('after', id)).toMatchObject({ stamped: true });
  });

  test('does not write to another ledger that takes the old name; on PostgreSQL 15 a new session is needed for that', async () => {
    await ledgerIn('before');
    const id = await insert('before');
    expect(await heartbeat('before', id)).toMatchObject({ stamped: true });
    await session.query('ALTER SCHEMA before RENAME TO after');
    await ledgerIn('before');
    const { rows } = await session.query(`SELECT current_setting('server_version_num')::int >= 160000 AS exact`);
    if (!rows[0].exact) {
      await session.end();
      session = await database.connect();
    }
    expect(await heartbeat('before', id)).toBeNull();
    expect(await heartbeat('after', id)).toMatchObject({ stamped: true });
  });

  test("stamps the clone's rows in the clone and the original's in the original", async () => {
    await ledgerIn('original');
    await clone('original', 'copied');
    await session.query('INSERT INTO copied.sweeper_threshold (stuck_after_ms) VALUES (7000)');
    const inOriginal = await insert('original');
    const inCopy = await insert('copied');
    expect(await heartbeat('copied', inCopy)).toMatchObject({ stamped: true, stuckAfterMs: 7000 });
    expect(await heartbeat('original', inOriginal)).toMatchObject({ stamped: true, stuckAfterMs: null });
    expect(await heartbeat('copied', inOriginal)).toBeNull();
  });

  test.each(['Mixed Case', 'a "quoted" name', 'dotted.name', 'pg', 'über', "it's"])(
    'works in a schema named %s',
    async (schema) => {
      await ledgerIn(schema);
      expect(await heartbeat(schema, await insert(schema))).toMatchObject({ stamped: true });
    },
  );

  test('works in a nested call, whose context also names its callers', async () => {
    const id = await seedDelegation(database, { silentSeconds: 60 });
    await session.query(`CREATE FUNCTION caller(id text) RETURNS json LANGUAGE plpgsql AS $$
      BEGIN RETURN (SELECT public.delegation_heartbeat(id, 15000)); END $$`);
    const { rows } = await session.query('SELECT caller($1) AS answer', [id]);
    expect(rows[0].answer).toMatchObject({ stamped: true });
  });

  test('raises where its tables are missing, and does not answer that the delegation is missing', async () => {
    await ledgerIn('ledger');
    await session.query('CREATE SCHEMA elsewhere');
    await session.query('ALTER FUNCTION ledger.delegation_heartbeat(text, float8) SET SCHEMA elsewhere');
    await expect(heartbeat('elsewhere', 'any')).rejects.toMatchObject({ code: '42P01' });
    const { ledger } = testLedger(database.db.withSchema('elsewhere'));
    expect(await ledger.heartbeat('any')).toMatchObject({ outcome: 'failed' });
  });

  test("leaves the caller's search path unchanged", async () => {
    const id = await seedDelegation(database);
    await session.query('SET search_path = pg_catalog, public');
    await heartbeat('public', id);
    await session.query('BEGIN');
    await heartbeat('public', id);
    expect((await session.query('SHOW search_path')).rows).toEqual([{ search_path: 'pg_catalog, public' }]);
    await session.query('COMMIT');
  });

  test("is not misled by objects that its caller's search path puts before the system's and the ledger's", async () => {
    const id = await seedDelegation(database, { silentSeconds: 60 });
    await session.query(`
      CREATE SCHEMA hostile;
      CREATE FUNCTION hostile.clock_timestamp() RETURNS timestamptz LANGUAGE sql AS $$ SELECT timestamptz '2000-01-01' $$;
      CREATE FUNCTION hostile.starts_with(text, text) RETURNS boolean LANGUAGE sql AS $$ SELECT false $$;
      CREATE FUNCTION hostile.never(timestamptz, timestamptz) RETURNS boolean LANGUAGE sql AS $$ SELECT false $$;
      CREATE OPERATOR hostile.<= (LEFTARG = timestamptz, RIGHTARG = timestamptz, FUNCTION = hostile.never);
      CREATE TABLE hostile.delegations (LIKE public.delegations);
      CREATE TEMPORARY TABLE delegations (LIKE public.delegations);
      CREATE TEMPORARY TABLE sweeper_threshold (singleton boolean, stuck_after_ms bigint, epoch text);
      SET search_path = hostile, pg_temp, pg_catalog, public`);
    expect(await heartbeat('public', id)).toMatchObject({ stamped: true });
    const [row] = await database.query<{ silent: number }>(
      `SELECT extract(epoch FROM clock_timestamp() - last_heartbeat)::int AS silent FROM delegations WHERE delegation_id = $1`,
      [id],
    );
    expect(row?.silent).toBeLessThan(60);
  });

  test('answers with whole numbers and the epoch of the database, whatever digits the session shows', async () => {
    const id = await seedDelegation(database);
    await session.query(`UPDATE sweeper_threshold SET stuck_after_ms = 123456789, epoch = 'an epoch'`);
    await session.query('SET extra_float_digits = -15');
    expect(await heartbeat('public', id)).toMatchObject({ stuckAfterMs: 123_456_789, epoch: 'an epoch' });
  });
});
