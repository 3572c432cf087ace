import { expect, test } from '@jest/globals';
import { seedDelegation, testLedger, testSweeper } from '../support/fixtures.ts';
import { eventsIn, subscribe } from '../support/subscriber.ts';
import { useDatabase } from '../support/use-database.ts';

const database = useDatabase({ per: 'test' });

test('a mark is published with its evidence', async () => {
  await subscribe(database, ['delegation.stuck.v1', 'delegation.failed.v1', 'delegation.late_result.v1']);
  await seedDelegation(database, { delegationId: 'a', silentSeconds: 700 });
  await seedDelegation(database, { delegationId: 'b', deadlineSeconds: -60 });
  const { sweeper, events } = testSweeper(database.db);
  await sweeper.sweep({ trigger: 'manual' });
  const { ledger } = testLedger(database.db);
  expect(await ledger.setStatus('a', 'completed', { resultPreview: 'done' })).toMatchObject({ outcome: 'refused' });
  console.log(JSON.stringify(await eventsIn(database), null, 1), JSON.stringify(events));
  expect(await eventsIn(database)).toHaveLength(3);
});
