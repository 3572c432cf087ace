import { expect, test } from '@jest/globals';
import { Kysely, PostgresDialect } from 'kysely';
import pg from 'pg';
import type { Database } from '../../../src/db/schema.ts';
import { customPlan, nodesOf } from '../../support/explain.ts';
import { seedDelegation, testSweeper } from '../../support/fixtures.ts';
import { Recorder } from '../../support/recorded.ts';
import { seedFleet } from '../../support/seed-fleet.ts';
import { useDatabase } from '../../support/use-database.ts';

const database = useDatabase({ per: 'test', fresh: true });
const know = (prefix: string) =>
  database.query(
    `INSERT INTO sweeper_notices (kind, subject, noticed_at)
     SELECT 'poisoned', delegation_id, now() FROM delegations WHERE starts_with(delegation_id, $1)`,
    [prefix],
  );

test('with statistics from an empty ledger, each known poisoned row is looked up by its key, without a join', async () => {
  for (const table of ['delegations', 'sweeper_notices'])
    await database.query(`ALTER TABLE ${table} SET (autovacuum_enabled = off)`);
  await database.query('ANALYZE');
  await know(await seedFleet(database, { rows: 3000, silentSeconds: 900 }));
  await using recorder = new Recorder(database.url);
  await testSweeper(recorder.db).sweeper.dryRun();
  await testSweeper(recorder.db).sweeper.sweep({ trigger: 'manual' });
  const statements = recorder.statements.filter(({ sql }) =>
    /AS "known"|DELETE FROM .*sweeper_notices.* n\b/.test(sql),
  );
  expect(statements).toHaveLength(4);
  const session = await database.connect();
  await session.query('SET enable_seqscan = off');
  for (const statement of statements) {
    const nodes = nodesOf(await customPlan(session, statement));
    expect(nodes.map((node) => node['Node Type']).filter((type) => /Loop|Join/.test(type))).toEqual([]);
    const ofRows = nodes.filter((node) => node['Relation Name'] === 'delegations');
    expect(new Set(ofRows.map((node) => node['Index Name']))).toEqual(new Set(['delegations_pkey']));
  }
  await session.end();
});

test('a failed count of known poisoned rows is logged, and fails no dry run', async () => {
  await seedDelegation(database, { silentSeconds: 700 });
  class Failing extends pg.Client {
    // biome-ignore lint/suspicious/noExplicitAny: node-postgres' many forms of one method.
    override query(...parameters: any[]): any {
      const text = parameters[0]?.text ?? parameters[0];
      if (/AS "known"/.test(text)) return Promise.reject(Object.assign(new Error('took too long'), { code: '57014' }));
      // biome-ignore lint/suspicious/noExplicitAny: as above.
      return (super.query as any)(...parameters);
    }
  }
  const pool = new pg.Pool({ connectionString: database.url, Client: Failing });
  await using db = new Kysely<Database>({ dialect: new PostgresDialect({ pool }) });
  const { sweeper, events } = testSweeper(db);
  expect(await sweeper.dryRun()).toMatchObject({ stuck: 1, poisoned: 0, dryRun: true });
  expect(events('sweep.report_failed')).toMatchObject([
    { report: 'suspects', err: { code: '57014' } },
    { report: 'suspects', err: { code: '57014' } },
    { report: 'suspects', err: { code: '57014' } },
  ]);
});

test('a sweep between the ticks leaves them to the ticks, however many, and marks the others', async () => {
  await know(await seedFleet(database, { rows: 150, silentSeconds: 900 }));
  const healthy = await seedDelegation(database, { silentSeconds: 700 });
  await database.query(`CREATE FUNCTION poison() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN RAISE EXCEPTION 'poisoned'; END $$`);
  await database.query(`CREATE TRIGGER poison BEFORE UPDATE ON delegations FOR EACH ROW
    WHEN (OLD.delegation_id <> '${healthy}') EXECUTE FUNCTION poison()`);
  const { sweeper, events } = testSweeper(database.db);
  const signal = new AbortController().signal;
  expect(await sweeper.sweepDue({ sweepId: 'due', after: null, judgedAtUs: null, signal })).toBe(true);
  expect(events('sweep.completed')).toMatchObject([{ trigger: 'due', stuck: 1, poisoned: 0, remaining: 150 }]);
});
