import { expect, test } from '@jest/globals';
import { explainWords, unknownWords } from '../../../src/cli/explain-words.ts';
import { Explainer } from '../../../src/sweeper/explanation/explainer.ts';
import { sweeperDefaults, testLedger } from '../../support/fixtures.ts';
import { useDatabase } from '../../support/use-database.ts';
import { days, seedPast, testPruner } from './retained.ts';

const database = useDatabase({ per: 'test', replayed: false });
const onPipe = { terminal: false };

function explainer(): Explainer {
  const cron = { expression: '* * * * *', timezone: 'UTC' };
  return new Explainer(database.db, { sweeper: sweeperDefaults, cron, onTime: true });
}

test('a retry whose first attempt was removed says so, and the id of that one names its retry; the list goes on', async () => {
  await seedPast(database, [
    { id: 'first', status: 'stuck', created: 40 },
    { id: 'again', status: 'stuck', created: 2, retryOf: 'first' },
    { id: 'third', status: 'in_progress', created: 1, retryOf: 'again' },
  ]);
  const before = await explainer().explain('again');
  expect(before!.attempts.map(({ retryOfIsGone }) => retryOfIsGone)).toEqual([false, false, false]);
  expect((await explainer().unknown('other')).removedBefore).toBeNull();
  await testPruner(database.db).prune(days(30));
  const after = await explainer().explain('again');
  expect(after!.attempts).toMatchObject([
    { delegationId: 'again', retryOf: 'first', retryOfIsGone: true },
    { delegationId: 'third', retryOf: 'again', retryOfIsGone: false },
  ]);
  const words = explainWords(after!, onPipe);
  expect(words).toContain('What attempt 2 tries again, first, is not in the ledger any more.');
  expect(words).toMatch(/^ {2}attempt +2, of first, which is not in the ledger any more$/m);
  const unknown = await explainer().unknown('first');
  expect(unknown).toMatchObject({ retriedAs: 'again', removedBefore: expect.any(String), activity: null });
  expect(unknownWords(unknown, onPipe)).toMatch(
    /^What ended before \S+Z may have been removed from it \(RETENTION_DELEGATIONS\)\.\nThere was one: again tries it again\.$/m,
  );
  const { rows } = await testLedger(database.db).ledger.list({});
  expect(rows.map(({ delegationId, retryOf }) => [delegationId, retryOf])).toEqual([
    ['third', 'again'],
    ['again', 'first'],
  ]);
});

test('a delegation whose activity was removed says so in place of who ended it', async () => {
  await seedPast(database, [
    { id: 'a', status: 'failed', created: 40 },
    { id: 'never-recorded', status: 'failed', created: 2, recorded: false },
  ]);
  await testPruner(database.db).prune(days(null, 30));
  const explanation = await explainer().explain('a');
  expect(explanation).toMatchObject({ activityIsGone: true, ending: { actor: null } });
  expect(explanation!.why).toMatch(/; its activity, which says by whom, was removed \(RETENTION_ACTIVITY\)\.$/);
  expect(explainWords(explanation!, onPipe)).toContain('Its activity was removed (RETENTION_ACTIVITY).');
  expect(await explainer().explain('never-recorded')).toMatchObject({ activityIsGone: false });
});
