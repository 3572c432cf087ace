import { describe, expect, test } from '@jest/globals';
import { Kysely, PostgresDialect } from 'kysely';
import pg from 'pg';
import type { Database } from '../../../src/db/schema.ts';
import { seedDelegation, testSweeper } from '../../support/fixtures.ts';
import { countByStatus, notEndedOnce, seedFleet } from '../../support/seed-fleet.ts';
import { useDatabase } from '../../support/use-database.ts';
import { waitUntilWaiting } from '../../support/wait-for.ts';

const database = useDatabase({ per: 'test' });
const manual = { trigger: 'manual' } as const;

type Commit = (commit: () => Promise<unknown>, rollback: () => Promise<unknown>) => Promise<unknown>;

/** A database on which the COMMITs of marking transactions behave in this way. */
async function withCommits<Result>(
  onCommit: Commit,
  work: (db: Kysely<Database>) => Promise<Result>,
  /** A connection whose answer was lost is not reused before this. */
  recovered: () => Promise<unknown> | undefined = () => undefined,
): Promise<Result> {
  const pool = new pg.Pool({ connectionString: database.url, max: 4 });
  const wrapped = {
    connect: async () => {
      const client = await pool.connect();
      let isMarking = false;
      let isLost = false;
      const query = async (text: string, parameters: unknown[]) => {
        if (text.includes('UPDATE') && text.includes('activity_logs')) isMarking = true;
        if (text !== 'COMMIT' || !isMarking) return client.query(text, parameters);
        isMarking = false;
        try {
          return await onCommit(
            () => client.query('COMMIT'),
            () => client.query('ROLLBACK'),
          );
        } catch (err) {
          isLost = true;
          throw err;
        }
      };
      const release = async () => {
        if (isLost) await recovered();
        client.release();
      };
      return { query, release };
    },
    end: () => pool.end(),
  };
  const db = new Kysely<Database>({ dialect: new PostgresDialect({ pool: wrapped as unknown as pg.Pool }) });
  try {
    return await work(db);
  } finally {
    await db.destroy();
  }
}

const lost = () => new Error('Connection terminated unexpectedly');
const marksKept = () => database.query('SELECT stuck FROM sweeper_sweeps');

describe('a COMMIT without an answer', () => {
  test('that took effect: its marks are counted and logged like all others', async () => {
    await seedFleet(database, { rows: 25, silentSeconds: 700 });
    const unheard: Commit = async (commit) => {
      await commit();
      throw lost();
    };
    await withCommits(unheard, async (db) => {
      const { sweeper, events } = testSweeper(db, { batchRowsMax: 10 });
      expect(await sweeper.sweep(manual)).toMatchObject({ stuck: 25, batches: 3, remaining: 0 });
      expect(events('delegation.stuck')).toHaveLength(25);
      expect(events('sweep.failed')).toEqual([]);
    });
    expect(await marksKept()).toEqual([{ stuck: 25 }]);
    expect(await notEndedOnce(database)).toEqual([]);
  });

  test('that had no effect: the sweep fails, and logs no mark that was not made', async () => {
    await seedFleet(database, { rows: 5, silentSeconds: 700 });
    const undone: Commit = async (_, rollback) => {
      await rollback();
      throw lost();
    };
    await withCommits(undone, async (db) => {
      const { sweeper, events } = testSweeper(db);
      await expect(sweeper.sweep(manual)).rejects.toThrow('Connection terminated');
      expect(events('delegation.stuck')).toEqual([]);
      expect(events('sweep.failed')).toMatchObject([{ retryable: true }]);
    });
    expect(await countByStatus(database)).toEqual({ in_progress: 5 });
  });

  test('that is still under way is waited for: marks that take effect later are counted as well', async () => {
    const id = await seedDelegation(database, { silentSeconds: 700 });
    let going: Promise<unknown> | undefined;
    // The answer is lost; the server reaches the COMMIT when another session waits for the row.
    const late: Commit = (commit) => {
      if (going) return commit();
      going = waitUntilWaiting(database, 1).then(commit);
      throw lost();
    };
    await withCommits(
      late,
      async (db) => {
        const { sweeper, events } = testSweeper(db);
        expect(await sweeper.sweep(manual)).toMatchObject({ stuck: 1 });
        expect(events('delegation.stuck')).toMatchObject([{ delegationId: id }]);
      },
      () => going,
    );
  });

  test('whose outcome cannot be seen now is looked up by the next sweep, under the id of the one that marked', async () => {
    const id = await seedDelegation(database, { silentSeconds: 700 });
    let isAway = false;
    const pool = new pg.Pool({ connectionString: database.url, max: 4 });
    const wrapped = {
      connect: async () => {
        if (isAway) throw lost();
        const client = await pool.connect();
        const query = async (text: string, parameters: unknown[]) => {
          const result = await client.query(text, parameters);
          if (text.includes('UPDATE') && text.includes('activity_logs')) marked = true;
          if (text === 'COMMIT' && marked) {
            marked = false;
            isAway = true;
            throw lost();
          }
          return result;
        };
        return { query, release: () => client.release() };
      },
      end: () => pool.end(),
    };
    let marked = false;
    const db = new Kysely<Database>({ dialect: new PostgresDialect({ pool: wrapped as unknown as pg.Pool }) });
    try {
      const { sweeper, events } = testSweeper(db);
      await expect(sweeper.sweep(manual)).rejects.toThrow('Connection terminated');
      expect(events('delegation.stuck')).toEqual([]);
      const [failure] = events('sweep.failed');
      isAway = false;
      expect(await sweeper.sweep(manual)).toMatchObject({ stuck: 0, remaining: 0 });
      expect(events('delegation.stuck')).toMatchObject([{ delegationId: id, sweepId: failure!.sweepId }]);
      await sweeper.sweep(manual);
      expect(events('delegation.stuck')).toHaveLength(1);
    } finally {
      await db.destroy();
    }
  });
});

test('a batch that takes too long is ended by the server, below the client’s own timeout, and leaves nothing behind', async () => {
  await seedFleet(database, { rows: 8, silentSeconds: 700 });
  await database.query(`CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN PERFORM pg_sleep(0.15); RETURN NEW; END $$`);
  await database.query('CREATE TRIGGER slow BEFORE UPDATE ON delegations FOR EACH ROW EXECUTE FUNCTION slow()');
  // Eight rows take longer than the limit, two do not.
  const { sweeper, events } = testSweeper(database.db, { statementLimitMs: 1_050 });
  expect(await sweeper.sweep(manual)).toMatchObject({ stuck: 8, poisoned: 0, remaining: 0 });
  expect(events('sweep.failed')).toEqual([]);
  expect(await notEndedOnce(database)).toEqual([]);
});

test('no setting of the role or the database changes a batch', async () => {
  await seedDelegation(database, { silentSeconds: 700 });
  for (const [name, value] of [
    ['default_transaction_isolation', 'serializable'],
    ['lock_timeout', '1ms'],
    ['idle_in_transaction_session_timeout', '1d'],
  ])
    await database.query(`ALTER DATABASE ${database.name} SET ${name} = '${value}'`);
  await database.query('CREATE TABLE seen (isolation text, statement text, lock text, idle text)');
  await database.query(`CREATE FUNCTION see() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      INSERT INTO seen VALUES (current_setting('transaction_isolation'), current_setting('statement_timeout'),
        current_setting('lock_timeout'), current_setting('idle_in_transaction_session_timeout'));
      RETURN NEW;
    END $$`);
  await database.query('CREATE TRIGGER see BEFORE UPDATE ON delegations FOR EACH ROW EXECUTE FUNCTION see()');
  // On connections that are opened after this.
  await withCommits(
    (commit) => commit(),
    async (db) => {
      expect(await testSweeper(db).sweeper.sweep(manual)).toMatchObject({ stuck: 1 });
    },
  );
  expect(await database.query('SELECT * FROM seen')).toEqual([
    { isolation: 'read committed', statement: '30s', lock: '0', idle: '10s' },
  ]);
});
