import { expect, test } from '@jest/globals';
import { sql } from 'kysely';
import { judgePooler } from '../../src/doctor/checks/pooler.ts';
import { examine } from '../../src/doctor/examine.ts';
import type { Subject } from '../../src/doctor/subject.ts';
import { useDatabase } from '../support/use-database.ts';
import { checkNamed, withSubject } from './doctor-on.ts';

const database = useDatabase({ replayed: false });
const pooler = (subject: Subject) => examine(subject, undefined, [checkNamed('pooler')]);

test('a session of its own has no settings of others', async () => {
  const result = await withSubject(database, {}, pooler);
  expect(result).toMatchObject({ findings: [], checks: [{ outcome: 'passed', notes: [] }] });
});

test('a setting that another client left in the session is found', async () => {
  const { findings } = await withSubject(database, {}, async (subject) => {
    // The connection is the only one: what is set on it is what a pooler hands to the next client.
    await sql`SET enable_indexscan = off`.execute(subject.db);
    return pooler(subject);
  });
  expect(findings).toMatchObject([
    {
      severity: 'advice',
      what: 'The pooler, or another client, has left enable_indexscan in the session',
      remedy: expect.stringMatching(/^Where the pooler sets it on purpose .* leave it so\. Otherwise find the client/),
    },
  ]);
});

test('what a pooler keeps in step with its clients is not taken for a setting of another', async () => {
  const { findings } = await withSubject(database, {}, async (subject) => {
    await sql`SET client_encoding = 'UTF8'; SET DateStyle = 'ISO'; SET TimeZone = 'UTC'; SET application_name = 'x'`.execute(
      subject.db,
    );
    return pooler(subject);
  });
  expect(findings).toEqual([]);
});

test('a pooler that refuses transactions is found, with its remedy', async () => {
  // As PgBouncer does with pool_mode=statement.
  const refusal = Object.assign(new Error('transaction blocks not allowed in statement pooling mode'), {
    code: '08P01',
  });
  const { findings } = await withSubject(database, {}, (subject) =>
    pooler(Object.assign(subject, { catalogue: () => Promise.reject(refusal) })),
  );
  expect(findings).toMatchObject([
    { severity: 'problem', what: 'The pooler refuses transactions', how: `${refusal.message} (08P01)` },
  ]);
  expect(findings[0]!.remedy).toContain('pool_mode = transaction');
});

test('statements that are answered by a primary and a standby by turns are found', () => {
  const answers = [false, true, false, true].map((inRecovery, pid) => ({ pid, inRecovery, left: [] }));
  const faultsOf = (sessions: typeof answers) =>
    judgePooler({ sessions, refused: null }).flatMap((seen) => ('fault' in seen ? [seen.fault] : []));
  expect(faultsOf(answers)).toEqual(['several_servers']);
  // One standby alone is the check server's.
  expect(faultsOf(answers.map((answer) => ({ ...answer, inRecovery: true })))).toEqual([]);
});
