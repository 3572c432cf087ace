import { describe, expect, test } from '@jest/globals';
import { Kysely, PostgresDialect } from 'kysely';
import { Beat } from '../../../src/sweeper/observed-time/beat.ts';
import { Sweeper } from '../../../src/sweeper/sweeper.ts';
import { capturedLog, seedDelegation, sweeperDefaults, testLedger } from '../../support/fixtures.ts';
import { useDatabase } from '../../support/use-database.ts';
import { waitUntilWaiting } from '../../support/wait-for.ts';

const database = useDatabase({ per: 'test' });
const stuckAfterMs = 30_000;

function daemon() {
  const capture = capturedLog();
  const beat = new Beat(database.db, capture.log, stuckAfterMs);
  const sweeper = new Sweeper(database.db, capture.log, { ...sweeperDefaults, stuckAfterMs }, undefined, beat);
  return { ...capture, beat, sweep: () => sweeper.sweep({ trigger: 'cron' }) };
}

/** As if the last beat and every last heartbeat had come this much earlier. */
async function letTimePass(seconds: number) {
  const by = `- ${seconds} * interval '1 second'`;
  await database.query(`UPDATE sweeper_state SET beat_at = beat_at ${by}`);
  await database.query(`UPDATE sweeper_lowerings SET lowered_at = lowered_at ${by} - interval '1 day'`);
}

describe.each(['ACCESS EXCLUSIVE', 'EXCLUSIVE', 'SHARE ROW EXCLUSIVE', 'SHARE'])(
  'LOCK TABLE delegations IN %s MODE for longer than the threshold',
  (mode) => {
    test('blocks the beat as it blocks heartbeats: the first sweep after it marks nothing', async () => {
      // Heard 40 s ago, right before the lock.
      const ids = [];
      for (let agent = 0; agent < 10; agent += 1) ids.push(await seedDelegation(database, { silentSeconds: 40 }));
      const first = daemon();
      await first.beat.leave();
      await letTimePass(40);
      const migration = await database.connect();
      await migration.query(`BEGIN; LOCK TABLE delegations IN ${mode} MODE`);
      const works = [first.beat.leave(), testLedger(database.db).ledger.heartbeat(ids[0]!)];
      try {
        await waitUntilWaiting(database, works.length);
        const [held] = await database.query<{ old: boolean }>(
          `SELECT beat_at < clock_timestamp() - interval '39 seconds' AS old FROM sweeper_state`,
        );
        expect(held).toEqual({ old: true });
        await migration.query('COMMIT');
      } finally {
        // Also where the test fails: its own clean-up needs the table.
        await migration.end();
      }
      // The lock is released and the agents have not been heard yet: whichever comes first, nothing is marked.
      const [summary] = await Promise.all([first.sweep(), ...works]);
      expect(summary).toMatchObject({ stuck: 0, remaining: 0 });
      expect(await first.sweep()).toMatchObject({ stuck: 0 });
      expect(first.events('sweep.unobserved')).toHaveLength(1);
      expect(first.events('sweep.unobserved')[0]!.gapMs).toBeGreaterThanOrEqual(40_000);
    });
  },
);

describe('the beat fails where a heartbeat would', () => {
  test.each([
    ['the right to stamp is not there', 'REVOKE UPDATE ON delegations FROM beater', '42501'],
    ['transactions are read-only', 'ALTER ROLE beater SET default_transaction_read_only = on', '25006'],
    [
      'a trigger of the table refuses every update',
      `CREATE FUNCTION is_full() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'full' USING ERRCODE = '53100'; END $$;
       CREATE TRIGGER is_full BEFORE UPDATE ON delegations FOR EACH STATEMENT EXECUTE FUNCTION is_full()`,
      '53100',
    ],
  ])('%s', async (_name, fault, code) => {
    const first = daemon();
    await first.beat.leave();
    const before = await database.query('SELECT beat_at FROM sweeper_state');
    const role = `beater_${database.name}`;
    await database.query(`CREATE ROLE ${role}; GRANT ALL ON ALL TABLES IN SCHEMA public TO ${role}`);
    const session = await database.connect();
    try {
      await database.query(fault.replaceAll('beater', role));
      await session.query(`SET ROLE ${role}`);
      if (code === '25006') await session.query('SET default_transaction_read_only = on');
      const pool = { connect: async () => Object.assign(session, { release() {} }), end: async () => {} };
      const db = new Kysely<never>({ dialect: new PostgresDialect({ pool: pool as never }) });
      await expect(new Beat(db, capturedLog().log, stuckAfterMs).leave()).rejects.toMatchObject({ code });
      expect(await database.query('SELECT beat_at FROM sweeper_state')).toEqual(before);
    } finally {
      await session.end();
      await database.query(`DROP OWNED BY ${role}; DROP ROLE ${role}`);
    }
  });
});
