import { expect, test } from '@jest/globals';
import { setNode } from '../../src/db/node/nodes.ts';
import { Availability } from '../../src/outage/availability.ts';
import { UnservedSubscriptions } from '../../src/webhook/unserved.ts';
import { shardsOf } from '../support/citus-node.ts';
import { capturedLog } from '../support/fixtures.ts';
import { useDatabase } from '../support/use-database.ts';

const database = useDatabase();

async function told(): Promise<unknown> {
  const { log, lines } = capturedLog();
  const options = { dbSchema: 'public', pgbossSchema: 'pgboss' };
  const service = new UnservedSubscriptions(database.db, log, new Availability(log), options);
  await service.start();
  await service.stop();
  return lines;
}

test('whoever subscribes to a ledger on a node of Citus is named at the start, and nobody else', async () => {
  for (const queue of ['callers', 'delegation-webhook', 'delegation-webhook.other']) {
    await database.query('SELECT pgboss.create_queue($1, $2)', [queue, { policy: 'standard' }]);
    await database.query(
      `INSERT INTO pgboss.subscription (event, name) VALUES ('delegation.stuck.v1', $1), ('sweep.held.v1', $1)`,
      [queue],
    );
  }
  expect(await told()).toEqual([]);
  setNode(database.db, 'public', shardsOf);
  expect(await told()).toMatchObject([
    { event: 'event.unserved', types: ['delegation.stuck.v1'], queues: ['callers', 'delegation-webhook'] },
  ]);
  await database.query('DELETE FROM pgboss.subscription');
  expect(await told()).toEqual([]);
});
