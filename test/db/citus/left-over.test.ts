import { expect, test } from '@jest/globals';
import { installSchemas } from '../../../src/compose/install.ts';
import { installNode, makeNodeTable } from '../../../src/ledger/functions/install-node.ts';
import { outdatedSchema } from '../../../src/sweeper/schedule/schema-gate.ts';
import { inCatalogue } from '../../support/citus-catalogue.ts';
import { makeCitus, shardsOf } from '../../support/citus-node.ts';
import { testLedger } from '../../support/fixtures.ts';
import { useDatabase } from '../../support/use-database.ts';

const database = useDatabase({ fresh: true });

const GATED = ['public', 'pgboss'] as const;

test('a ledger that was dumped from Citus is refused until its functions are made again, and its ids go on behind the last', async () => {
  await makeCitus(database);
  await makeNodeTable(database.db, 'public');
  await installNode(database.db, 'public', shardsOf);
  // What a node drew. The sequence that the dump has is the coordinator's.
  await database.query(
    `ALTER TABLE activity_logs DISABLE TRIGGER activity_logs_next_id, DISABLE TRIGGER activity_logs_ids_here`,
  );
  await database.query(`INSERT INTO activity_logs (activity_id, delegation_id, event, actor) OVERRIDING SYSTEM VALUE
    VALUES (900, 'gone', 'delegation.late_result', 'agent')`);
  await inCatalogue(
    database,
    'DROP TABLE pg_catalog.pg_dist_partition, pg_catalog.pg_dist_schema, pg_catalog.pg_dist_placement, pg_catalog.pg_dist_local_group',
  );

  const { db } = database;
  expect(await outdatedSchema(db, ...GATED)).toMatchObject({
    component: 'ledger',
    found: expect.stringMatching(
      / with delegation_is_here, sweeper_run, delegation_next_id, delegation_ids_here, which lead to a node of Citus$/,
    ),
    remedy: expect.stringContaining('migrate up'),
  });
  await installSchemas({ location: { url: database.url }, dbSchema: 'public', pgbossSchema: 'pgboss' });
  expect(await outdatedSchema(db, ...GATED)).toBeNull();

  const { ledger } = testLedger(db.withSchema('public'));
  await ledger.insert({ delegationId: 'one', callerId: 'caller', calleeId: 'callee', taskPreview: 'task' });
  const rows = await database.query<{ id: string }>(
    `SELECT activity_id AS id FROM activity_logs WHERE delegation_id = 'one'`,
  );
  expect(rows).toEqual([{ id: '901' }]);
});
