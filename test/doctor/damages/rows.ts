import { seedDelegation, testLedger, testSweeper } from '../../support/fixtures.ts';
import { seedFleet } from '../../support/seed-fleet.ts';
import { seedSpecial } from '../../support/seed-special.ts';
import { type Damage, sql } from './damage.ts';

export const rowDamages: readonly Damage[] = [
  {
    check: 'false-positives',
    title: 'over one in twenty delegations that were marked still delivered',
    async prepare(database) {
      for (let row = 0; row < 20; row += 1) {
        await seedDelegation(database, { delegationId: `late-${row}`, silentSeconds: 700 });
      }
      await testSweeper(database.db).sweeper.sweep({ trigger: 'manual' });
      await testLedger(database.db).ledger.setStatus('late-0', 'completed');
    },
    make: async ({ db }) => testLedger(db).ledger.setStatus('late-1', 'completed'),
    what: /Living agents were marked stuck/,
    fault: 'late_results',
  },
  {
    check: 'cadence',
    title: 'heartbeats are too seldom for the threshold',
    async make(database) {
      await seedFleet(database, { rows: 30, silentSeconds: 200 });
      await database.query(`UPDATE delegations SET updated_at = now() - interval '1 hour'`);
    },
    what: /Only about 1\.5 heartbeats fit into the threshold of delegations$/,
    fault: 'implausible',
    mend: sql(`UPDATE delegations SET last_heartbeat = now() - interval '20 seconds'`),
  },
  {
    check: 'cadence',
    title: 'heartbeats are too seldom for thresholds of their own',
    async make(database) {
      for (let row = 0; row < 20; row += 1) await seedSpecial(database, { stuckAfterMs: 60_000, silentSeconds: 30 });
      await database.query(`UPDATE delegations SET updated_at = now() - interval '1 hour'`);
    },
    what: /Only about 1\.\d heartbeats fit into the threshold of delegations with thresholds of their own/,
    fault: 'implausible',
  },
  {
    check: 'future-heartbeats',
    title: 'a heartbeat of a plain row lies in the future',
    async make(database) {
      const id = await seedDelegation(database);
      await sql(
        'ALTER TABLE delegations DISABLE TRIGGER USER',
        `UPDATE delegations SET last_heartbeat = now() + interval '1 hour' WHERE delegation_id = '${id}'`,
        'ALTER TABLE delegations ENABLE TRIGGER USER',
      )(database);
    },
    what: /Heartbeats lie in the future/,
    fault: 'future',
    mend: 'remedy',
  },
  {
    check: 'future-heartbeats',
    title: 'a heartbeat of a special row lies in the future',
    async make(database) {
      await seedSpecial(database, { stuckAfterMs: 60_000 });
      await sql(
        'ALTER TABLE delegations DISABLE TRIGGER USER',
        `UPDATE delegations SET last_heartbeat = now() + interval '1 hour'`,
        'ALTER TABLE delegations ENABLE TRIGGER USER',
      )(database);
    },
    what: /Heartbeats lie in the future/,
    fault: 'future',
    mend: 'remedy',
  },
  {
    check: 'poisoned',
    title: 'the update of a row is refused',
    async make(database) {
      await seedDelegation(database, { silentSeconds: 700 });
      await sql(
        `CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no'; END $$`,
        'CREATE TRIGGER refuse BEFORE UPDATE ON delegations FOR EACH ROW EXECUTE FUNCTION refuse()',
      )(database);
      await testSweeper(database.db).sweeper.sweep({ trigger: 'manual' });
    },
    what: /Delegations cannot be marked/,
    fault: 'refused',
    async mend(database) {
      await database.query('DROP TRIGGER refuse ON delegations');
      await testSweeper(database.db).sweeper.sweep({ trigger: 'manual' });
    },
  },
  {
    check: 'symmetry',
    title: 'a status was written past the triggers',
    async make(database) {
      await seedDelegation(database, { delegationId: 'asymmetric' });
      await sql(
        'ALTER TABLE delegations DISABLE TRIGGER USER',
        `UPDATE delegations SET status = 'completed', finished_at = now()`,
        'ALTER TABLE delegations ENABLE TRIGGER USER',
      )(database);
    },
    what: /^1 of the delegations .* status without its activity/,
    fault: 'asymmetric',
  },
  {
    check: 'symmetry',
    title: 'an open delegation has no activity at all',
    make: sql(
      'ALTER TABLE delegations DISABLE TRIGGER USER',
      `INSERT INTO delegations (delegation_id, caller_id, callee_id, task_preview) VALUES ('quiet', 'a', 'b', 'c')`,
      'ALTER TABLE delegations ENABLE TRIGGER USER',
    ),
    what: /^1 of the delegations .* status without its activity/,
    fault: 'asymmetric',
  },
];
