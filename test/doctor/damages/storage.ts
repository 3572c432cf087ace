import { seedFleet } from '../../support/seed-fleet.ts';
import { type Damage, flushed, migrateUp, reset, set, sql } from './damage.ts';

export const storageDamages: readonly Damage[] = [
  {
    check: 'plans',
    title: "a rule's index is missing",
    make: sql('DROP INDEX delegations_heartbeat_plain'),
    what: /"search: stale" does not find its rows by its index/,
    fault: 'no_index',
    mend: migrateUp,
  },
  {
    check: 'plans',
    title: 'a rule reads many dead index entries',
    async make(database) {
      await seedFleet(database, { rows: 5000, silentSeconds: 7200 });
      // In another order in the index than in the table.
      await database.query('UPDATE delegations SET delegation_id = md5(delegation_id)');
      const holder = await database.connect();
      await holder.query('BEGIN ISOLATION LEVEL REPEATABLE READ');
      await holder.query('SELECT FROM delegations LIMIT 1');
      await database.query('UPDATE delegations SET last_heartbeat = clock_timestamp()');
    },
    what: /"search: stale" reads many pages/,
    fault: 'many_pages',
  },
  {
    check: 'updates',
    title: 'an index holds the heartbeats',
    make: sql('CREATE INDEX mine ON delegations (callee_id, last_heartbeat)'),
    what: /The index mine makes every heartbeat write all indexes/,
    fault: 'indexed',
    mend: 'remedy',
  },
  {
    check: 'updates',
    title: 'most heartbeats are not HOT',
    async make(database) {
      await seedFleet(database, { rows: 4000 });
      await database.query('CREATE INDEX mine ON delegations (last_heartbeat)');
      for (let round = 0; round < 5; round += 1) {
        await database.query('UPDATE delegations SET last_heartbeat = clock_timestamp()');
      }
      await flushed('DROP INDEX mine')(database);
    },
    what: /Most heartbeats touch the indexes/,
    fault: 'cold',
  },
  {
    check: 'vacuum',
    title: 'autovacuum is off for a table',
    make: sql('ALTER TABLE delegations SET (autovacuum_enabled = off)'),
    what: /Autovacuum is off for delegations/,
    fault: 'table_off',
    mend: 'remedy',
  },
  {
    check: 'vacuum',
    title: 'nothing is counted',
    make: set('track_counts', 'off'),
    what: /track_counts is off/,
    fault: 'off',
    mend: reset('track_counts'),
  },
  {
    check: 'vacuum',
    title: 'a table has many dead rows',
    async make(database) {
      await sql(
        'ALTER TABLE sweeper_notices SET (autovacuum_enabled = off)',
        `INSERT INTO sweeper_notices (kind, subject, noticed_at) SELECT 'daily', n::text, now() FROM generate_series(1, 30000) n`,
      )(database);
      await flushed('DELETE FROM sweeper_notices')(database);
      await database.query('ALTER TABLE sweeper_notices RESET (autovacuum_enabled)');
    },
    what: /sweeper_notices has many dead rows/,
    fault: 'dead_rows',
    mend: 'remedy',
  },
  {
    check: 'transaction-ids',
    title: 'a table was not frozen for very long',
    // As the server would find it half a thousand million transactions later.
    make: sql(`
      UPDATE pg_class SET relfrozenxid = (((txid_current() % 4294967296) - 500000000 + 4294967296) % 4294967296)::text::xid
      WHERE oid = 'sweeper_gaps'::regclass`),
    what: /sweeper_gaps was not frozen for very long/,
    fault: 'table_old',
    mend: 'remedy',
  },
];
