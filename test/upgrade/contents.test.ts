import { expect, test } from '@jest/globals';
import { migrateUp } from '../../src/ledger/migrate-up.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { testLedger } from '../support/fixtures.ts';
import { runProgram } from '../support/program.ts';
import { unreplayable } from '../support/replay.ts';
import { useOldLedger } from './use-old-ledger.ts';

// A ledger of 0.1.0 with rows of each status, after `migrate up`.
const database = useOldLedger();

/** Every row of 0.1.0's tables, with the columns that these had then. */
async function contents(): Promise<unknown> {
  const columns = await database.query<{ table: string; columns: string }>(oldColumns);
  const tables: Record<string, unknown> = {};
  for (const { table, columns: names } of columns)
    tables[table] = await database.query(`SELECT ${names} FROM old.${table} ORDER BY 1`);
  return tables;
}

const oldColumns = `
SELECT t.name AS table, (SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum) FROM pg_attribute a
  WHERE a.attrelid = ('old.' || t.name)::regclass AND a.attnum BETWEEN 1 AND t.columns AND NOT attisdropped) AS columns
FROM (VALUES ('delegations', 14), ('activity_logs', 10), ('sweeper_sweeps', 14), ('sweeper_gaps', 2)) t(name, columns)`;

test('rows and activity are as before, and the activity of each row replays to its status', async () => {
  const before = await contents();
  await migrateUp(database.db, 'old');
  expect(await contents()).toEqual(before);
  const session = await database.connect();
  await session.query('SET search_path = old');
  expect(await unreplayable({ query: async (sql) => (await session.query(sql)).rows })).toEqual([]);
  await session.end();
});

test('its schema is that of a newly made ledger', async () => {
  await migrateUp(database.db, 'old');
  await using another = await createTestDatabase();
  await migrateUp(another.db, 'old');
  const made = await schemaOf(another);
  expect(await schemaOf(database)).toEqual(made);
  expect(made.length).toBeGreaterThan(100);
});

async function schemaOf({ query }: Pick<TestDatabase, 'query'>): Promise<string[]> {
  const rows = await query<{ line: string }>(`
  SELECT format('column %s.%s %s %s %s', c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull,
    pg_get_expr(d.adbin, d.adrelid)) AS line
  FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid AND c.relkind = 'r'
  LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
  WHERE c.relnamespace = 'old'::regnamespace AND a.attnum > 0 AND NOT a.attisdropped
  UNION ALL
  SELECT format('constraint %s %s %s', conname, pg_get_constraintdef(oid), convalidated) FROM pg_constraint
  WHERE connamespace = 'old'::regnamespace
  UNION ALL
  SELECT format('index %s', pg_get_indexdef(indexrelid)) FROM pg_index
  JOIN pg_class c ON c.oid = indexrelid AND c.relnamespace = 'old'::regnamespace
  UNION ALL
  SELECT format('trigger %s', pg_get_triggerdef(t.oid)) FROM pg_trigger t
  JOIN pg_class c ON c.oid = t.tgrelid AND c.relnamespace = 'old'::regnamespace WHERE NOT tgisinternal
  UNION ALL
  SELECT format('function %s', pg_get_functiondef(oid)) FROM pg_proc WHERE pronamespace = 'old'::regnamespace
  UNION ALL
  SELECT format('options of %s: %s', relname, reloptions) FROM pg_class
  WHERE relnamespace = 'old'::regnamespace AND relkind = 'r'
  ORDER BY 1`);
  return rows.map(({ line }) => line);
}

test('the ledger of this version knows its keys and its late results', async () => {
  await migrateUp(database.db, 'old');
  const { ledger } = testLedger(database.db.withSchema('old'));
  const again = { callerId: 'orchestrator', calleeId: 'summariser', taskPreview: 'Summarise the quarter.' };
  expect(await ledger.insert({ ...again, delegationId: 'other', idempotencyKey: 'quarter-1' })).toMatchObject({
    outcome: 'duplicate',
    delegationId: 'queued',
  });
  const late = { resultPreview: 'Late, and right.', responseBody: { text: 'Late, and right.' } };
  expect(await ledger.setStatus('stuck', 'completed', late)).toMatchObject({ outcome: 'refused', from: 'stuck' });
  expect(await ledger.setStatus('unknown', 'completed', { resultPreview: 'Nobody asked.' })).toMatchObject({
    outcome: 'missing',
  });
  const events = (await ledger.history('stuck')).map(({ event }) => event);
  expect(events.filter((event) => event === 'delegation.late_result')).toHaveLength(1);
});

test('`migrate down` refuses, as before the upgrade, unless --delete-all-data is given', async () => {
  const migrate = (...args: string[]) =>
    runProgram(['migrate', ...args], { DATABASE_URL: database.url, DB_SCHEMA: 'old', PGBOSS_SCHEMA: 'old_boss' });
  const refused = { code: 1, stderr: expect.stringContaining('8 delegations and 20 activities') };
  expect(await migrate('down')).toMatchObject(refused);
  expect(await migrate('up')).toMatchObject({ code: 0 });
  expect(await migrate('down')).toMatchObject(refused);
  expect(await database.query('SELECT FROM old.delegations')).toHaveLength(8);
  expect(await migrate('down', '--delete-all-data')).toMatchObject({ code: 0 });
  expect(await database.query(`SELECT to_regclass('old.delegations') AS there`)).toEqual([{ there: null }]);
});
