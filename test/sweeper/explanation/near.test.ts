import { describe, expect, test } from '@jest/globals';
import { distance } from 'fastest-levenshtein';
import { Explainer } from '../../../src/sweeper/explanation/explainer.ts';
import { seedDelegation, sweeperDefaults, testLedger } from '../../support/fixtures.ts';
import { useDatabase } from '../../support/use-database.ts';

const database = useDatabase({ per: 'test', replayed: false });
const explainer = () =>
  new Explainer(database.db, {
    sweeper: sweeperDefaults,
    cron: { expression: '* * * * *', timezone: 'UTC' },
    onTime: true,
  });
const UUID = '0198c5c2-77a0-7cc1-b3f5-6d1c8c3ad9f1';

describe('an unknown id is near to', () => {
  test.each([
    ['a cut off end', UUID.slice(0, 8)],
    ['a cut off end', UUID.slice(0, -1)],
    ['something after it', `${UUID},`],
    ['something after it', `${UUID}: stuck`],
    ['quotes and spaces around it', ` "${UUID}" `],
    ['another case', UUID.toUpperCase()],
    ['a wrong character at the beginning', `9${UUID.slice(1)}`],
    ['a wrong character in the middle', UUID.replace('7cc1', '7cd1')],
    ['two swapped characters', UUID.replace('77a0', '7a70')],
    ['a missing character', UUID.replace('b3f5', 'b35')],
    ['a character too many', UUID.replace('b3f5', 'b3ff5')],
    ['two mistakes near its end', UUID.replace('3ad9f1', '3bd9e1')],
  ])('one that differs by %s: %s', async (_, unknown) => {
    for (const id of [UUID, '0298c5c2-77a0-7cc1-b3f5-6d1c8c3ad9f1', 'quite-another', 'a', '0']) {
      await seedDelegation(database, { delegationId: id });
    }
    expect((await explainer().near(unknown))[0]).toBe(UUID);
  });

  test('one in mixed case', async () => {
    await seedDelegation(database, { delegationId: 'Order-ABC-17' });
    expect(await explainer().near('order-abc-17')).toEqual(['Order-ABC-17']);
    expect(await explainer().near('ORDER-abc-17')).toEqual(['Order-ABC-17']);
  });

  test('those among twenty thousand that differ by one character, and to no other', async () => {
    await database.query(`INSERT INTO delegations (delegation_id, caller_id, callee_id, task_preview, revision)
      SELECT 'delegation-' || lpad(n::text, 6, '0'), 'caller', 'callee', 'task', 1 FROM generate_series(0, 19999) n`);
    const near = await explainer().near('delegation-0123456');
    expect(near).toHaveLength(5);
    expect(near[0]).toBe('delegation-012345');
    for (const id of near) expect(distance(id, 'delegation-0123456')).toBe(1);
    expect(await explainer().near('delegation-x12345')).toContain('delegation-012345');
  });

  test('five at most, and to none where nothing is alike', async () => {
    for (let n = 0; n < 9; n += 1) await seedDelegation(database, { delegationId: `job-${n}` });
    expect(await explainer().near('job-')).toHaveLength(5);
    expect(await explainer().near('zzz')).toEqual([]);
    expect(await explainer().near('')).toEqual([]);
  });

  test('nothing harmful: text that no id can hold is looked for as well', async () => {
    await seedDelegation(database, { delegationId: 'job-1' });
    for (const unknown of [
      "'; DROP TABLE delegations; --",
      '%',
      '_',
      '\0',
      'job-1\0',
      '\ud800',
      '\u{10ffff}',
      'x'.repeat(10_000),
    ]) {
      await expect(explainer().near(unknown)).resolves.toBeInstanceOf(Array);
      await expect(explainer().explain(unknown)).resolves.toBeNull();
    }
    expect(await explainer().near('job-1\0')).toEqual(['job-1']);
  });
});

describe('of an unknown id', () => {
  test('whose row was deleted its activity is shown', async () => {
    const { ledger } = testLedger(database.db);
    await ledger.insert({ delegationId: 'gone', callerId: 'a', calleeId: 'b', taskPreview: 'x' });
    await ledger.setStatus('gone', 'in_progress');
    await database.query(`DELETE FROM delegations WHERE delegation_id = 'gone'`);
    expect(await explainer().explain('gone')).toBeNull();
    const { activity } = await explainer().unknown('gone');
    expect(activity?.first.map(({ event }) => event)).toEqual(['delegation.queued', 'delegation.in_progress']);
  });

  test('to which an update came its orphan update is shown, without its preview unless that is asked for', async () => {
    const { ledger } = testLedger(database.db);
    await ledger.setStatus('never', 'completed', { resultPreview: 'secret' });
    const hidden = await explainer().unknown('never');
    expect(hidden.activity?.first).toMatchObject([
      { event: 'delegation.orphan_update', detail: { attempted: 'completed' } },
    ]);
    expect(JSON.stringify(hidden)).not.toContain('secret');
    expect(JSON.stringify(await explainer().unknown('never', { previews: true }))).toContain('secret');
  });

  test('of which nothing is known there is no activity', async () => {
    expect(await explainer().unknown('nothing')).toMatchObject({ delegationId: 'nothing', activity: null, near: [] });
  });
});
