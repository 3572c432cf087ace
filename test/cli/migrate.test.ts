import { describe, expect, test } from '@jest/globals';
import { migrationNames, newestMigration } from '../support/migration-names.ts';
import { runProgram } from '../support/program.ts';
import { useDatabase } from '../support/use-database.ts';

const database = useDatabase({ per: 'test', replayed: false });
const fresh = { DB_SCHEMA: 'fresh', PGBOSS_SCHEMA: 'fresh_boss' };
const all = migrationNames.join(', ');

const migrate = (args: readonly string[], env: Record<string, string> = fresh) =>
  runProgram(['migrate', ...args], { DATABASE_URL: database.url, ...env });

async function tables(schema: string): Promise<string[]> {
  const rows = await database.query<{ name: string }>(
    'SELECT tablename AS name FROM pg_tables WHERE schemaname = $1 ORDER BY 1',
    [schema],
  );
  return rows.map(({ name }) => name);
}

describe('migrate up', () => {
  test('installs both schemas; a second time it finds nothing to do', async () => {
    const first = await migrate(['up', '--json']);
    expect(first).toMatchObject({ code: 0, stderr: '' });
    expect(JSON.parse(first.stdout)).toEqual({ applied: migrationNames });
    expect(await tables('fresh')).toEqual(expect.arrayContaining(['activity_logs', 'delegations', 'sweeper_state']));
    expect(await tables('fresh_boss')).toEqual(expect.arrayContaining(['job', 'schedule', 'version']));
    expect(await migrate(['up'])).toEqual({
      code: 0,
      stdout: 'Nothing to apply: the schemas are up to date.',
      stderr: '',
    });
  });

  test('is what migrate does by default', async () => {
    expect(await migrate([])).toMatchObject({ code: 0, stdout: `Applied ${all}.` });
  });

  test('at once from three sides installs each migration once', async () => {
    const results = await Promise.all([migrate(['--json']), migrate(['--json']), migrate(['--json'])]);
    expect(results.map(({ code, stderr }) => ({ code, stderr }))).toEqual(Array(3).fill({ code: 0, stderr: '' }));
    const applied = results.flatMap(({ stdout }) => JSON.parse(stdout).applied);
    expect(applied.sort()).toEqual(migrationNames);
    expect(await migrate(['status'])).toMatchObject({ code: 0 });
  });

  test('keeps existing rows', async () => {
    await migrate(['up']);
    await database.query(`INSERT INTO fresh.delegations (delegation_id, caller_id, callee_id, task_preview)
      VALUES ('kept', 'a', 'b', 'c')`);
    expect(await migrate(['up'])).toMatchObject({ code: 0 });
    expect(await database.query('SELECT delegation_id FROM fresh.delegations')).toEqual([{ delegation_id: 'kept' }]);
  });

  test('leaves a schema that is newer than the program unchanged, and the program works with it', async () => {
    await database.query(`INSERT INTO delegation_sweeper_migrations (name, timestamp) VALUES ('9999_future', now())`);
    expect(await migrate(['up'], {})).toMatchObject({
      code: 0,
      stdout: 'Nothing to apply: the schemas are up to date.',
    });
    const status = await migrate(['status', '--json'], {});
    expect(status.code).toBe(0);
    expect(JSON.parse(status.stdout)).toMatchObject({
      ledger: { current: '9999_future', pending: [], unknown: ['9999_future'] },
    });
    expect(await runProgram(['sweep'], { DATABASE_URL: database.url })).toMatchObject({ code: 0 });
  });
});

describe('migrate status', () => {
  test('answers no (1) while something is pending, and names what to do', async () => {
    const { code, stdout } = await migrate(['status']);
    expect(code).toBe(1);
    const [ledger, pgboss, remedy] = stdout.split('\n');
    expect(ledger).toBe(`ledger:  not installed; pending ${all}`);
    expect(pgboss).toMatch(/^pg-boss: not installed; needed \d+$/);
    expect(remedy).toBe('Run `delegation-sweeper migrate up`.');
    expect(await tables('fresh')).toEqual([]);
  });

  test('answers yes (0) when everything is installed', async () => {
    const { code, stdout } = await migrate(['status'], {});
    expect(code).toBe(0);
    expect(stdout).toMatch(new RegExp(`^ledger: {2}${newestMigration}\npg-boss: \\d+; needed \\d+$`));
  });

  test('answers no while only pg-boss is missing', async () => {
    const { code, stdout } = await migrate(['status'], { PGBOSS_SCHEMA: 'elsewhere' });
    expect(code).toBe(1);
    expect(stdout).toContain('pg-boss: not installed');
  });
});

describe('migrate down', () => {
  test("removes the ledger's tables and leaves pg-boss's; up installs them again", async () => {
    await migrate(['up']);
    const down = await migrate(['down', '--json']);
    expect(down).toMatchObject({ code: 0, stderr: '' });
    expect(JSON.parse(down.stdout)).toEqual({ reverted: migrationNames.toReversed() });
    expect((await tables('fresh')).filter((name) => !name.startsWith('delegation_sweeper_migrations'))).toEqual([]);
    expect(await tables('fresh_boss')).toContain('job');
    expect(await migrate(['down'])).toMatchObject({ code: 0, stdout: 'Nothing to remove.' });
    expect(await migrate(['up'])).toMatchObject({ code: 0, stdout: `Applied ${all}.` });
    expect(await runProgram(['sweep'], { DATABASE_URL: database.url, ...fresh })).toMatchObject({ code: 0 });
  });

  describe('refuses to delete existing rows', () => {
    const there = async () =>
      (await database.query<{ n: number }>('SELECT count(*)::int AS n FROM fresh.delegations'))[0]!.n;
    const insert = () =>
      database.query(`WITH row AS (INSERT INTO fresh.delegations (delegation_id, caller_id, callee_id, task_preview)
        SELECT 'd-' || i, 'a', 'b', 'c' FROM generate_series(1, 10) i RETURNING delegation_id)
        INSERT INTO fresh.activity_logs (delegation_id, event, to_status, actor)
        SELECT delegation_id, 'delegation.queued', 'queued', 'a' FROM row`);

    test('and says how many there are, unless --delete-all-data is given', async () => {
      await migrate(['up']);
      await insert();
      const refused = await migrate(['down']);
      expect(refused).toMatchObject({ code: 1, stdout: '' });
      expect(refused.stderr).toMatch(/^Nothing was changed\.$/m);
      expect(refused.stderr).toMatch(/10 delegations and 10 activities: add --delete-all-data/);
      expect(refused.stderr).toMatch(new RegExp(`/${database.name}, schema fresh\\.$`, 'm'));
      expect(await there()).toBe(10);
      expect(await migrate(['down', '--delete-all-data'])).toMatchObject({ code: 0 });
      expect(await migrate(['status'])).toMatchObject({ code: 1 });
    });

    test("while a daemon's beat is younger than three beats, unless --even-if-running is given", async () => {
      await migrate(['up']);
      await insert();
      await database.query(`UPDATE fresh.sweeper_state SET stuck_after_ms = 600000, beat_at = clock_timestamp()`);
      const refused = await migrate(['down', '--delete-all-data']);
      expect(refused).toMatchObject({ code: 1, stdout: '' });
      expect(refused.stderr).toMatch(
        /A daemon recorded its beat \d+ (ms|s) ago: .* 30 s old, or add --even-if-running\./,
      );
      expect(refused.stderr).not.toContain('--delete-all-data to');
      expect(await there()).toBe(10);
      await database.query(`UPDATE fresh.sweeper_state SET beat_at = clock_timestamp() - interval '31 seconds'`);
      expect(await migrate(['down', '--delete-all-data'])).toMatchObject({ code: 0 });
      await migrate(['up']);
      await database.query(`UPDATE fresh.sweeper_state SET stuck_after_ms = 600000, beat_at = clock_timestamp()`);
      expect(await migrate(['down', '--even-if-running'])).toMatchObject({ code: 0 });
    });

    test('also of a ledger that an older release installed', async () => {
      await migrate(['up']);
      await insert();
      await database.query('ALTER TABLE fresh.sweeper_state RENAME TO not_there_yet');
      expect(await migrate(['down'])).toMatchObject({ code: 1, stderr: expect.stringContaining('10 delegations') });
    });
  });

  test('leaves only its own list of migrations', async () => {
    await migrate(['up']);
    await migrate(['down']);
    const left = await database.query(
      `SELECT proname FROM pg_proc WHERE pronamespace = 'fresh'::regnamespace
       UNION ALL SELECT typname FROM pg_type WHERE typnamespace = 'fresh'::regnamespace AND typname NOT LIKE '%delegation_sweeper_migrations%'`,
    );
    expect(left).toEqual([]);
  });
});

test.each([['sweep'], ['sweep', '--dry-run'], ['sweep', '--json']])(
  '%s %s against a database that was never migrated exits 78 and names migrate up',
  async (...args) => {
    const { code, stdout, stderr } = await runProgram(args, { DATABASE_URL: database.url, ...fresh });
    expect({ code, stdout }).toEqual({ code: 78, stdout: '' });
    expect(stderr).toMatch(
      /^There is no ledger in the schema fresh: run `delegation-sweeper migrate up`, or set DB_SCHEMA to the schema that has it$/,
    );
  },
);

test('an older schema is distinguished from a missing one', async () => {
  await database.query(`DELETE FROM delegation_sweeper_migrations WHERE name = '${newestMigration}'`);
  const { code, stderr } = await runProgram(['sweep'], { DATABASE_URL: database.url });
  expect(code).toBe(78);
  expect(stderr).toContain(`(found ${migrationNames.at(-2)}, needs ${newestMigration})`);
});
