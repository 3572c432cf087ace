import { ledgerTableNames } from '../../../src/db/citus/placement.ts';
import { inCatalogue, makeCitusCatalogue, placeSchema, placeTable } from '../../support/citus-catalogue.ts';
import type { Damage, Damaged } from './damage.ts';

const COLOCATION = 7;

async function distributeLedger(database: Damaged): Promise<void> {
  await makeCitusCatalogue(database);
  await placeSchema(database, 'public', COLOCATION);
  for (const table of ledgerTableNames) await placeTable(database, table, { colocation: COLOCATION });
}

const forget = (database: Damaged, condition: string) =>
  inCatalogue(database, `DELETE FROM pg_catalog.pg_dist_partition WHERE ${condition}`);

export const citusDamages: readonly Damage[] = [
  {
    check: 'citus',
    title: 'it is too old',
    make: (database) => makeCitusCatalogue(database, { release: 11 }),
    what: /Citus without distributed schemas/,
    fault: 'too_old',
  },
  {
    check: 'citus',
    title: 'the connection leads to a worker node',
    prepare: distributeLedger,
    make: (database) => inCatalogue(database, 'UPDATE pg_catalog.pg_dist_local_group SET groupid = 1'),
    what: /worker node/,
    fault: 'not_the_coordinator',
  },
  {
    check: 'citus',
    title: 'a table is distributed by rows',
    prepare: makeCitusCatalogue,
    make: (database) => placeTable(database, 'delegations', { method: 'h', colocation: 3 }),
    what: /^Delegations of the schema public is distributed by rows/,
    fault: 'by_rows',
    mend: (database) => forget(database, 'true'),
  },
  {
    check: 'citus',
    title: 'a table was added by itself',
    prepare: makeCitusCatalogue,
    make: (database) => placeTable(database, 'sweeper_state'),
    what: /^Sweeper_state .* was added to Citus one by one/,
    fault: 'one_by_one',
    mend: (database) => forget(database, 'true'),
  },
  {
    check: 'citus',
    title: 'a distributed schema lacks a table',
    prepare: distributeLedger,
    make: (database) => forget(database, `logicalrelid = 'sweeper_holds'::regclass`),
    what: /sweeper_holds is not on its node/,
    fault: 'incomplete',
    mend: (database) => placeTable(database, 'sweeper_holds', { colocation: COLOCATION }),
  },
  {
    check: 'citus',
    title: 'pg-boss is distributed as well',
    prepare: distributeLedger,
    make: (database) => placeSchema(database, 'pgboss', 8),
    what: /^Pg-boss's schema pgboss is distributed/,
    fault: 'pgboss',
    mend: (database) => inCatalogue(database, 'DELETE FROM pg_catalog.pg_dist_schema WHERE colocationid = 8'),
  },
  {
    check: 'citus',
    title: 'a service subscribes to a ledger on a node',
    prepare: async (database) => {
      await distributeLedger(database);
      await database.query(`SELECT pgboss.create_queue('callers', '{"policy": "standard"}')`);
    },
    make: async (database) => {
      // The second is published by the coordinator.
      await database.query(
        `INSERT INTO pgboss.subscription (event, name) VALUES ('delegation.stuck.v1', 'callers'), ('sweep.held.v1', 'callers')`,
      );
    },
    what: /^Of a ledger on a node of Citus no delegation\.stuck\.v1 is published$/,
    fault: 'unserved',
    mend: async (database) => {
      await database.query('DELETE FROM pgboss.subscription');
    },
  },
];
