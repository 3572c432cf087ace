import { expect, test } from '@jest/globals';
import { seedDelegation, testLedger, testSweeper } from '../../support/fixtures.ts';
import { useDatabase } from '../../support/use-database.ts';

const database = useDatabase({ per: 'test' });
const manual = { trigger: 'manual' } as const;

test('once a day one replica logs how many marked delegations still delivered a result', async () => {
  const ids = [
    await seedDelegation(database, { silentSeconds: 700 }),
    await seedDelegation(database, { silentSeconds: 800 }),
  ];
  const { ledger } = testLedger(database.db);
  const replicas = [testSweeper(database.db), testSweeper(database.db)];
  const said = () => replicas.flatMap(({ events }) => events('ledger.daily'));
  const sweepAll = async () => {
    for (const { sweeper } of replicas) await sweeper.sweep(manual);
  };

  await sweepAll();
  // A sweep is closed before its reports, so that its own marks count.
  expect(said()).toMatchObject([{ marked: 2, lateResults: 0, lateResultRatio: 0 }]);
  for (const resultPreview of ['a result', 'and another'])
    await ledger.setStatus(ids[0]!, 'completed', { resultPreview });
  // Recorded, but not a result.
  await ledger.setStatus(ids[1]!, 'stuck', { errorDetail: 'a watcher says so, too' });
  await sweepAll();
  expect(said()).toHaveLength(1);
  await database.query(`UPDATE sweeper_notices SET noticed_at = noticed_at - interval '1 day' WHERE kind = 'daily'`);
  await sweepAll();
  expect(said().slice(1)).toMatchObject([{ marked: 2, lateResults: 1, lateResultRatio: 0.5, windowMs: 86_400_000 }]);
});
