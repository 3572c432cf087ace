import { randomUUID } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import { isLateResult, isTerminal, mayBecome, statuses } from '../../../src/ledger/transitions.ts';
import { seedDelegation } from '../../support/fixtures.ts';
import { useDatabase } from '../../support/use-database.ts';
import { waitUntilWaiting } from '../../support/wait-for.ts';

const database = useDatabase();

const set = async (args: string, values: unknown[]) =>
  (await database.query<Record<string, unknown>>(`SELECT * FROM delegation_set_status(${args})`, values))[0]!;

const events = async (id: string) =>
  (
    await database.query<{ event: string }>(
      'SELECT event FROM activity_logs WHERE delegation_id = $1 ORDER BY activity_id',
      [id],
    )
  ).map(({ event }) => event);

const pairs = statuses.flatMap((from) => statuses.map((to) => ({ from, to })));

describe('delegation_set_status', () => {
  test.each(pairs)('judges $from to $to by the one table', async ({ from, to }) => {
    for (const body of [null, '{"a": 1}']) {
      const id = await seedDelegation(database, { status: from });
      const late = isLateResult(from, to, body !== null);
      const outcome = mayBecome(from, to) ? 'changed' : from === to ? 'unchanged' : 'refused';
      expect(await set('$1, $2, response_body => $3', [id, to, body])).toEqual({
        outcome,
        from_status: from,
        to_status: to,
        late_result: outcome !== 'changed' && late,
      });
      const more = outcome === 'changed' ? [`delegation.${to}`] : late ? ['delegation.late_result'] : [];
      expect(await events(id)).toEqual([`delegation.${from}`, ...more]);
      const [row] = await database.query<{ status: string; finished: boolean; heard: boolean }>(
        'SELECT status, finished_at IS NOT NULL AS finished, last_heartbeat IS NOT NULL AS heard FROM delegations WHERE delegation_id = $1',
        [id],
      );
      const now = outcome === 'changed' ? to : from;
      expect(row).toEqual({
        status: now,
        finished: isTerminal(now),
        heard: from === 'in_progress' || now === 'in_progress',
      });
    }
  });

  test('records the result of an unknown delegation, once', async () => {
    const id = randomUUID();
    for (let time = 0; time < 2; time += 1)
      expect(await set(`$1, 'completed', result_preview => 'r', actor => 'me'`, [id])).toEqual({
        outcome: 'missing',
        from_status: null,
        to_status: 'completed',
        late_result: false,
      });
    expect(
      await database.query('SELECT event, actor, detail FROM activity_logs WHERE delegation_id = $1', [id]),
    ).toEqual([
      { event: 'delegation.orphan_update', actor: 'me', detail: { attempted: 'completed', resultPreview: 'r' } },
    ]);
  });

  test('fills a detail that is missing, and records another one as a late result, once', async () => {
    const id = await seedDelegation(database);
    await set(`$1, 'completed'`, [id]);
    expect(await set(`$1, 'completed', result_preview => 'r'`, [id])).toMatchObject({
      outcome: 'unchanged',
      late_result: false,
    });
    expect(await set(`$1, 'completed', result_preview => 'r'`, [id])).toMatchObject({
      outcome: 'unchanged',
      late_result: false,
    });
    for (let time = 0; time < 2; time += 1)
      expect(await set(`$1, 'completed', result_preview => 'other'`, [id])).toMatchObject({
        outcome: 'unchanged',
        late_result: true,
      });
    expect(await events(id)).toEqual(['delegation.in_progress', 'delegation.completed', 'delegation.late_result']);
  });

  test('judges what the rival left for whose lock it waited, and does not take the same result twice', async () => {
    const id = await seedDelegation(database);
    const rival = await database.connect();
    await rival.query('BEGIN');
    const call = `$1, 'completed', result_preview => 'r', response_body => '{"a": 1}'`;
    await rival.query(`SELECT delegation_set_status(${call})`, [id]);
    const [same, other] = [set(call, [id]), set(`$1, 'failed', error_detail => 'e'`, [id])];
    await waitUntilWaiting(database, 2);
    await rival.query('COMMIT');
    expect(await same).toEqual({
      outcome: 'unchanged',
      from_status: 'completed',
      to_status: 'completed',
      late_result: false,
    });
    expect(await other).toEqual({
      outcome: 'refused',
      from_status: 'completed',
      to_status: 'failed',
      late_result: true,
    });
    await rival.end();
  });

  test('counts a revision for each transition, so that the database adds no activity', async () => {
    const id = randomUUID();
    await database.query(`SELECT delegation_insert($1, 'a', 'b', 'c')`, [id]);
    await set(`$1, 'in_progress'`, [id]);
    await set(`$1, 'failed', error_detail => 'e'`, [id]);
    expect(await database.query('SELECT revision FROM delegations WHERE delegation_id = $1', [id])).toEqual([
      { revision: 3 },
    ]);
    expect(await events(id)).toEqual(['delegation.queued', 'delegation.in_progress', 'delegation.failed']);
  });

  test.each([
    ['id', `'', 'failed'`],
    ['status', `'x', 'done'`],
    ['status', `'x', NULL`],
    ['actor', `'x', 'failed', actor => ''`],
    ['error_detail', `'x', 'completed', error_detail => 'e'`],
    ['result_preview', `'x', 'failed', result_preview => 'r'`],
  ])('refuses %s: %s', async (name, args) => {
    await expect(set(args, [])).rejects.toMatchObject({ code: '22023', message: expect.stringMatching(`^${name} `) });
  });
});
