import { describe, expect, test } from '@jest/globals';
import { Kysely, PostgresDialect } from 'kysely';
import pg from 'pg';
import type { Database } from '../../../src/db/schema.ts';
import { readRefusal, refusalOf } from '../../../src/sweeper/observed-time/refusal.ts';
import { seedDelegation, testSweeper } from '../../support/fixtures.ts';
import { runProgram } from '../../support/program.ts';
import { useDatabase } from '../../support/use-database.ts';

const database = useDatabase({ per: 'test' });

/** A role with all rights on the ledger for the duration of the work, and a Kysely that connects as it. */
async function asRole<T>(work: (db: Kysely<Database>, role: string, url: string) => Promise<T>): Promise<T> {
  const role = `hidden_${database.name}`;
  await database.query(`CREATE ROLE ${role} LOGIN; GRANT ALL ON ALL TABLES IN SCHEMA public TO ${role};
    GRANT USAGE ON SCHEMA pgboss TO ${role}; GRANT SELECT ON ALL TABLES IN SCHEMA pgboss TO ${role}`);
  const url = new URL(database.url);
  url.username = role;
  const db = new Kysely<Database>({
    dialect: new PostgresDialect({ pool: new pg.Pool({ connectionString: url.href, max: 2 }) }),
  });
  try {
    return await work(db, role, url.href);
  } finally {
    await db.destroy();
    await database.query(`DROP OWNED BY ${role}; DROP ROLE ${role}`);
  }
}

const hideRows = () => database.query('ALTER TABLE delegations ENABLE ROW LEVEL SECURITY');
const status = async (id: string) =>
  (await database.query<{ status: string }>('SELECT status FROM delegations WHERE delegation_id = $1', [id]))[0]!
    .status;

describe('row level security on delegations', () => {
  test('that hides rows from the daemon: no rule is run, and the sweep does not count as completed', async () => {
    await asRole(async (db, role) => {
      await database.query(`CREATE POLICY mine ON delegations TO ${role} USING (delegation_id LIKE 'mine%')`);
      await hideRows();
      const silent = await seedDelegation(database, { delegationId: 'mine-1', silentSeconds: 700 });
      const overdue = await seedDelegation(database, { delegationId: 'mine-2', deadlineSeconds: -1 });
      const { sweeper, events } = testSweeper(db);
      expect(await sweeper.sweep({ trigger: 'cron' })).toMatchObject({ stuck: 0, failed: 0, truncated: true });
      expect(events('sweep.refused')).toMatchObject([
        { level: 'error', trigger: 'cron', reason: 'rows_hidden', remedy: expect.stringContaining('BYPASSRLS') },
      ]);
      expect(events('sweep.completed')).toEqual([]);
      expect([await status(silent), await status(overdue)]).toEqual(['in_progress', 'in_progress']);
      expect(await database.query('SELECT swept_at FROM sweeper_state')).toEqual([{ swept_at: null }]);
      await database.query('ALTER TABLE delegations DISABLE ROW LEVEL SECURITY');
      expect(await sweeper.sweep({ trigger: 'cron' })).toMatchObject({ stuck: 1, failed: 1 });
    });
  });

  test('without a policy, applied to agents: their heartbeats cannot be written, so nothing is marked', async () => {
    await asRole(async () => {
      await hideRows();
      const living = await seedDelegation(database, { silentSeconds: 700 });
      const { sweeper, events } = testSweeper(database.db);
      expect(await sweeper.sweep({ trigger: 'cron' })).toMatchObject({ stuck: 0 });
      expect(events('sweep.refused')).toMatchObject([{ reason: 'heartbeats_refused' }]);
      expect(await status(living)).toBe('in_progress');
    });
  });

  test('with policies, for a daemon that sees all rows: it sweeps', async () => {
    await asRole(async (_, role) => {
      await database.query(`CREATE POLICY all_rows ON delegations TO ${role} USING (true)`);
      await hideRows();
      expect(await readRefusal(database.db)).toBeNull();
      await seedDelegation(database, { silentSeconds: 700 });
      expect(await testSweeper(database.db).sweeper.sweep({ trigger: 'cron' })).toMatchObject({ stuck: 1 });
    });
  });

  test('a one-shot sweep exits 78 and says what to do, and so does a dry run', async () => {
    await asRole(async (_db, _role, url) => {
      await hideRows();
      for (const args of [['sweep'], ['sweep', '--dry-run']]) {
        const { code, stdout, stderr } = await runProgram(args, { DATABASE_URL: url, DB_SCHEMA: 'public' });
        expect({ code, stdout }).toEqual({ code: 78, stdout: '' });
        expect(stderr).toContain('row level security');
      }
    });
  });
});

test('a server that takes no writes: a one-shot sweep reports it, a dry run is answered', async () => {
  await database.query(`ALTER DATABASE ${database.name} SET default_transaction_read_only = on`);
  const swept = await runProgram(['sweep'], { DATABASE_URL: database.url });
  expect(swept).toMatchObject({ code: 78, stderr: expect.stringContaining('takes no writes') });
  expect(await runProgram(['sweep', '--dry-run'], { DATABASE_URL: database.url })).toMatchObject({ code: 0 });
});

test('the verdict names the first reason that applies', () => {
  const none = { inRecovery: false, readOnly: false, rowsHidden: false, heartbeatsRefused: false };
  expect(refusalOf(none)).toBeNull();
  expect(refusalOf({ ...none, inRecovery: true, readOnly: true })?.reason).toBe('standby');
  expect(refusalOf({ ...none, readOnly: true, rowsHidden: true })?.reason).toBe('read_only');
  expect(refusalOf({ ...none, rowsHidden: true, heartbeatsRefused: true })?.reason).toBe('rows_hidden');
});
