import { afterEach, expect, test } from '@jest/globals';
import { judgePooler } from '../../src/doctor/checks/pooler.ts';
import { examine } from '../../src/doctor/examine.ts';
import { withClient } from '../support/server.ts';
import { useDatabase } from '../support/use-database.ts';
import { checkNamed, findingsOf, withSubject } from './doctor-on.ts';
import { startPgBouncer } from './pgbouncer.ts';

let undo = new AsyncDisposableStack();
afterEach(async () => {
  await undo.disposeAsync();
  undo = new AsyncDisposableStack();
});
// After the hook above, so that the pooler is gone when the database is dropped.
const database = useDatabase({ per: 'test', replayed: false });

test('PgBouncer in transaction mode is all right', async () => {
  const url = await startPgBouncer(database.url, 'transaction', undo);
  expect(await findingsOf({ url }, 'pooler')).toEqual([]);
});

test('PgBouncer in statement mode is found, and its remedy named', async () => {
  const url = await startPgBouncer(database.url, 'statement', undo);
  const findings = await findingsOf({ url }, 'pooler');
  expect(findings).toMatchObject([{ severity: 'problem', what: 'The pooler refuses transactions' }]);
  expect(findings[0]!.remedy).toContain('pool_mode = transaction');
});

test('a setting that another client left in the session of a pooler is found', async () => {
  const url = await startPgBouncer(database.url, 'transaction', undo);
  await withClient(url, (client) => client.query('SET enable_indexscan = off'));
  expect(await findingsOf({ url }, 'pooler')).toMatchObject([
    { severity: 'problem', what: 'Another client has left enable_indexscan in the session' },
  ]);
});

test('a session of its own has no settings of others', async () => {
  const result = await withSubject(database, {}, (subject) => examine(subject, undefined, [checkNamed('pooler')]));
  expect(result).toMatchObject({ findings: [], checks: [{ outcome: 'passed', notes: [] }] });
});

test('statements that are answered by a primary and a standby by turns are found', () => {
  const answers = [false, true, false, true].map((inRecovery, pid) => ({ pid, inRecovery, left: [] }));
  expect(judgePooler({ sessions: answers, refused: null })).toEqual(
    expect.arrayContaining([expect.objectContaining({ fault: 'several_servers' })]),
  );
  const standbys = answers.map((answer) => ({ ...answer, inRecovery: true }));
  expect(judgePooler({ sessions: standbys, refused: null })).not.toEqual(
    expect.arrayContaining([expect.objectContaining({ fault: 'several_servers' })]),
  );
});
