import { expect, test } from '@jest/globals';
import { testLedger } from '../support/fixtures.ts';
import { runDaemon } from '../support/in-process-daemon.ts';
import { useDatabase } from '../support/use-database.ts';
import { waitFor } from '../support/wait-for.ts';

const database = useDatabase();

test('the daemon reconciles each night: one run at a time, which another replica takes over', async () => {
  const { ledger } = testLedger(database.db);
  await ledger.setStatus('late-row', 'completed', { resultPreview: 'r' });
  await ledger.insert({ delegationId: 'late-row', callerId: 'a', calleeId: 'b', taskPreview: 'c' });
  {
    await using _daemon = await runDaemon(database.url);
  }
  const scheduled = `SELECT s.cron, s.timezone, q.policy FROM pgboss.schedule s JOIN pgboss.queue q ON q.name = s.name
    WHERE s.name = 'delegation-reconcile'`;
  expect(await database.query(scheduled)).toEqual([{ cron: '37 3 * * *', timezone: 'UTC', policy: 'exclusive' }]);
  // As its tick would. The first poll of the next daemon finds it.
  await database.query(`INSERT INTO pgboss.job (name, policy) VALUES ('delegation-reconcile', 'exclusive')`);
  await using daemon = await runDaemon(database.url);
  const [line] = await waitFor('the run', () => {
    const lines = daemon.events('reconcile.completed');
    return lines.length > 0 ? lines : null;
  });
  expect(line).toMatchObject({ trigger: 'cron', orphanResults: 1, interrupted: false });
  expect(await ledger.get('late-row')).toMatchObject({ status: 'completed' });
});
