import { randomUUID } from 'node:crypto';
import { expect, test } from '@jest/globals';
import { testLedger } from '../support/fixtures.ts';
import { runProgram } from '../support/program.ts';
import { useDatabase } from '../support/use-database.ts';

const database = useDatabase({ per: 'test' });

const reconcile = (...args: readonly string[]) =>
  runProgram(['reconcile', ...args], { DATABASE_URL: database.url, LOG_LEVEL: 'error' });

test('names what it would heal, heals it, and finds nothing afterwards', async () => {
  const { ledger } = testLedger(database.db);
  await ledger.setStatus('late-row', 'completed', { resultPreview: 'r' });
  await ledger.insert({ delegationId: 'late-row', callerId: 'a', calleeId: 'b', taskPreview: 'c' });
  const rehearsed = await reconcile('--dry-run');
  expect(rehearsed).toMatchObject({ code: 0, stderr: '' });
  expect(rehearsed.stdout).toBe(
    `late-row  would be healed: it was queued; a result completed had come while there was no row
Would heal 1. Looked at 1 delegations and 2 activities.`,
  );
  expect(await ledger.get('late-row')).toMatchObject({ status: 'queued' });
  const done = await reconcile('--json');
  expect(done.code).toBe(0);
  expect(JSON.parse(done.stdout)).toMatchObject({
    dryRun: false,
    rows: [
      {
        delegationId: 'late-row',
        kind: 'orphan_result',
        outcome: 'healed',
        from: 'queued',
        to: 'completed',
        err: null,
      },
    ],
    orphanResults: 1,
    interrupted: false,
  });
  expect(await ledger.get('late-row')).toMatchObject({ status: 'completed', resultPreview: 'r' });
  const again = await reconcile();
  expect(again.code).toBe(0);
  expect(again.stdout).toMatch(/^Healed 0\./);
});

test('exits 1 where a delegation cannot be healed, and says so once', async () => {
  const id = randomUUID();
  await testLedger(database.db).ledger.setStatus(id, 'completed');
  const first = await reconcile();
  expect(first.code).toBe(1);
  expect(first.stdout).toContain(`${id}  cannot be healed: its row is missing, and no activity names its caller`);
  expect((await reconcile()).code).toBe(0);
});
