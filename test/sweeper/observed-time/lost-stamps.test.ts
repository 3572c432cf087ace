import { describe, expect, test } from '@jest/globals';
import { lostStampsStatement } from '../../../src/sweeper/observed-time/statements/lost-stamps.ts';
import { sweeperTables } from '../../../src/sweeper/tables.ts';
import { customPlan, nodesOf } from '../../support/explain.ts';
import { seedDelegation, testSweeper } from '../../support/fixtures.ts';
import { seedFleet } from '../../support/seed-fleet.ts';
import { useDatabase } from '../../support/use-database.ts';

const database = useDatabase({ per: 'test' });

const takeBack = async () =>
  (await lostStampsStatement(sweeperTables(database.db)).run(database.db, { notBefore: 0 })).map(
    ({ delegationId }) => delegationId,
  );

/** Bypassing the triggers and the constraint, as a logical replica does, or as in a 0.1.0 ledger. */
async function write(id: string, stamp: string): Promise<void> {
  const session = await database.connect();
  await session.query('ALTER TABLE delegations DROP CONSTRAINT IF EXISTS delegations_instants_sound');
  await session.query('SET session_replication_role = replica');
  await session.query(`UPDATE delegations SET last_heartbeat = ${stamp} WHERE delegation_id = $1`, [id]);
  await session.end();
}

const silent = async (id: string) =>
  (
    await database.query<{ seconds: number }>(
      'SELECT extract(epoch FROM clock_timestamp() - last_heartbeat)::float8 AS seconds FROM delegations WHERE delegation_id = $1',
      [id],
    )
  )[0]!.seconds;

describe('what no horizon would reach', () => {
  test.each(['NULL', `'infinity'`, `clock_timestamp() + interval '10 years'`])(
    'is set to the clock: a heartbeat of %s',
    async (stamp) => {
      const id = await seedDelegation(database);
      await write(id, stamp);
      expect(await takeBack()).toEqual([id]);
      expect(await silent(id)).toBeGreaterThanOrEqual(0);
      expect(await takeBack()).toEqual([]);
    },
  );

  test.each([
    ['NULL', `clock_timestamp() - interval '1 second'`],
    [`'infinity'`, `'infinity'`],
    [`clock_timestamp() + interval '10 years'`, `clock_timestamp() + interval '10 years 1 minute'`],
  ])(
    'is set to the clock where a delegation has its own threshold, too: a heartbeat of %s',
    async (stamp, suspectAt) => {
      const id = await seedDelegation(database);
      await database.query('UPDATE delegations SET stuck_after_ms = 60000');
      await write(id, `${stamp}, suspect_at = ${suspectAt}`);
      expect(await takeBack()).toEqual([id]);
      expect(await silent(id)).toBeGreaterThanOrEqual(0);
      const [row] = await database.query(
        `SELECT extract(epoch FROM suspect_at - last_heartbeat)::int AS seconds FROM delegations`,
      );
      expect(row).toEqual({ seconds: 60 });
      expect(await takeBack()).toEqual([]);
    },
  );

  test('is set to the clock by a sweep, which names it; a threshold later it can be found', async () => {
    const id = await seedDelegation(database);
    await write(id, `'infinity'`);
    const { sweeper, events } = testSweeper(database.db);
    expect(await sweeper.sweep({ trigger: 'manual' })).toMatchObject({ stuck: 0 });
    expect(events('sweep.stamps_taken_back')).toMatchObject([{ count: 1, delegationIds: [id] }]);
    await database.query(`UPDATE delegations SET last_heartbeat = clock_timestamp() - interval '601 seconds'`);
    expect(await sweeper.sweep({ trigger: 'manual' })).toMatchObject({ stuck: 1 });
    expect(events('sweep.stamps_taken_back')).toHaveLength(1);
  });

  test('does not change living, silent or finished delegations, nor those that another session keeps locked', async () => {
    await seedDelegation(database, { silentSeconds: 0 });
    await seedDelegation(database, { silentSeconds: 7000 });
    await seedDelegation(database, { status: 'queued' });
    await seedDelegation(database, { delegationId: 'waits' });
    await database.query(`UPDATE delegations SET waiting_since = now(), waiting_until = now() + interval '29 days',
      waiting_reason = 'a person', stuck_after_ms = 2500000000 WHERE delegation_id = 'waits'`);
    const finished = await seedDelegation(database, { status: 'stuck' });
    await write(finished, `'infinity'`);
    const locked = await seedDelegation(database);
    await write(locked, 'NULL');
    const holder = await database.connect();
    await holder.query('BEGIN');
    await holder.query('SELECT FROM delegations WHERE delegation_id = $1 FOR UPDATE', [locked]);
    expect(await takeBack()).toEqual([]);
    await holder.query('ROLLBACK');
    await holder.end();
    expect(await takeBack()).toEqual([locked]);
  });

  test('is found through the indexes of a sweep only', async () => {
    await seedFleet(database, { rows: 5000 });
    await database.query('ANALYZE delegations');
    const session = await database.connect();
    const plan = await customPlan(session, lostStampsStatement(sweeperTables(database.db)).bind({ notBefore: 0 }));
    await session.end();
    const reads = nodesOf(plan).filter((node) => node['Relation Name'] === 'delegations' && node['Index Name']);
    expect(
      reads.map((node) => node['Index Cond']).filter((condition) => condition?.includes('heartbeat_bucket')),
    ).toHaveLength(2);
    expect(
      reads.map((node) => node['Index Cond']).filter((condition) => condition?.includes('suspect_at')),
    ).toHaveLength(2);
    expect(nodesOf(plan).filter((node) => node['Node Type'] === 'Seq Scan')).toEqual([]);
  });
});
