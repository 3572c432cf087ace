import { afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import type pg from 'pg';
import { openDatabase } from '../../src/db/database.ts';
import { conformancePass } from '../support/conformance.ts';
import { type Original, putBackAll, readOriginal } from '../support/kept-databases.ts';
import { Recorder } from '../support/recorded.ts';
import { useDatabase } from '../support/use-database.ts';

/** What ALTER DATABASE or ALTER ROLE may have set. None of it may change an answer. */
const settings: readonly string[] = [
  'DateStyle=SQL, DMY',
  'DateStyle=SQL, MDY',
  'DateStyle=German',
  'DateStyle=Postgres, YMD',
  'IntervalStyle=sql_standard',
  'IntervalStyle=iso_8601',
  'extra_float_digits=0',
  'extra_float_digits=-15',
  'extra_float_digits=3',
  'TimeZone=Asia/Kathmandu',
  'TimeZone=Pacific/Kiritimati',
  'TimeZone=<odd>-13:37',
  'timezone_abbreviations=India',
  'search_path=',
  'search_path=hostile',
  'search_path=hostile, pg_temp, pg_catalog, public',
  'standard_conforming_strings=off',
  'backslash_quote=off',
  'escape_string_warning=on',
  'array_nulls=off',
  'bytea_output=escape',
  'xmlbinary=hex',
  'xmloption=document',
  'transform_null_equals=on',
  'quote_all_identifiers=on',
  'default_transaction_isolation=repeatable read',
  'default_transaction_isolation=serializable',
  'default_transaction_deferrable=on',
  'synchronous_commit=off',
  'commit_delay=10',
  'statement_timeout=60s',
  'lock_timeout=60s',
  'idle_session_timeout=20s',
  'idle_in_transaction_session_timeout=20s',
  'deadlock_timeout=10ms',
  'plan_cache_mode=force_generic_plan',
  'plan_cache_mode=force_custom_plan',
  'enable_indexscan=off',
  'enable_bitmapscan=off',
  'enable_hashjoin=off',
  'enable_nestloop=off',
  'enable_sort=off',
  'enable_tidscan=off',
  'jit_above_cost=0',
  'from_collapse_limit=1',
  'row_security=off',
  'session_replication_role=replica',
  'check_function_bodies=off',
  'default_toast_compression=pglz',
  'client_encoding=LATIN1',
  'client_encoding=SQL_ASCII',
  'client_min_messages=debug1',
  'lc_messages=C',
  'work_mem=64kB',
  'vacuum_cost_delay=10ms',
];

const database = useDatabase({ replayed: false });
let owner: pg.Client;
let original: Original;
beforeAll(async () => {
  await plantHostile();
  owner = await database.connect();
  original = await readOriginal(owner);
});
afterEach(() => putBackAll(owner, original));

/** A schema that pretends to be the system and the ledger. */
async function plantHostile(): Promise<void> {
  await database.query('CREATE SCHEMA hostile');
  for (const table of ['delegations', 'activity_logs', 'sweeper_state', 'sweeper_gaps', 'sweeper_threshold'])
    await database.query(`CREATE TABLE hostile.${table} (LIKE public.${table})`);
  for (const name of ['clock_timestamp', 'statement_timestamp', 'now'])
    await database.query(`CREATE FUNCTION hostile.${name}() RETURNS timestamptz LANGUAGE sql AS
      $$ SELECT timestamptz '2000-01-01' $$`);
  await database.query(`CREATE FUNCTION hostile.to_json(bigint) RETURNS json LANGUAGE sql AS $$ SELECT json '7' $$`);
  await database.query(
    `CREATE FUNCTION hostile.floor(numeric) RETURNS numeric LANGUAGE sql AS $$ SELECT 7::numeric $$`,
  );
}

/** The answers under these settings of every session. */
async function passUnder(setting: string): Promise<unknown> {
  const url = new URL(database.url);
  const [name, value = ''] = setting.split(/=(.*)/s);
  if (setting !== '') url.searchParams.set('options', `-c ${name}=${value.replaceAll(/[ \\]/g, '\\$&')}`);
  await using handle = openDatabase({
    location: { url: url.href },
    max: 4,
    applicationName: 'conformance',
    queryTimeoutMs: 60_000,
    schema: 'public',
  });
  return await conformancePass(database, handle.db);
}

let usual: unknown;

test("under PostgreSQL's default settings every answer is as expected", async () => {
  usual = await passUnder('');
  expect(usual).toMatchObject({
    ledger: {
      answers: expect.arrayContaining([
        expect.objectContaining({ outcome: 'inserted' }),
        expect.objectContaining({ lastHeartbeat: 'an instant', deadline: 'an instant', updatedAt: 'an instant' }),
        6 * 3_600_000,
      ]),
    },
    sweeper: {
      planned: { stuck: 1, failed: 1 },
      swept: { stuck: 1, failed: 1, poisoned: 0, remaining: 0 },
      gapsLogged: [expect.objectContaining({ gapStart: 'an instant', gapEnd: 'an instant' })],
    },
    status: {
      status: {
        now: 'an instant',
        sweptAt: 'an instant',
        beatAt: 'an instant',
        lastSweep: { startedAt: 'an instant' },
      },
      history: { marks: [expect.objectContaining({ at: 'an instant' }), expect.anything()] },
    },
    migrations: { applied: [] },
  });
});

describe('no answer depends on', () => {
  test.each(settings)('%s', async (setting) => {
    usual ??= await passUnderDefaults();
    expect(await passUnder(setting)).toEqual(usual);
  });
});

/** For a test that is run alone. */
async function passUnderDefaults(): Promise<unknown> {
  const answer = await passUnder('');
  await putBackAll(owner, original);
  return answer;
}

test('every function that a statement calls is named with its schema', async () => {
  await using recorder = new Recorder(database.url);
  await conformancePass(database, recorder.db.withSchema('public'));
  const keywords = 'cast|coalesce|exists|extract|greatest|least|any|array|in|values|and|or|as|not|over|count|filter';
  const calls = recorder.statements
    .filter(({ sql }) => /"public"\./.test(sql) && !/delegation_sweeper_migrations/.test(sql))
    .flatMap(({ sql }) => [...sql.matchAll(/(?<![\w."])([a-z_]+)\(/g)].map(([, name]) => name!));
  expect([...new Set(calls)].filter((name) => !new RegExp(`^(${keywords})$`).test(name))).toEqual([]);
});
