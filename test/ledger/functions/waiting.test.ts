import { randomUUID } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import { seedDelegation } from '../../support/fixtures.ts';
import { useDatabase } from '../../support/use-database.ts';

const database = useDatabase();

const call = async (name: string, args: string, values: unknown[] = []) =>
  (await database.query<Record<string, unknown>>(`SELECT * FROM delegation_${name}(${args})`, values))[0]!;

const lastActivity = async (id: string) =>
  (
    await database.query<{ event: string; actor: string; detail: Record<string, unknown> }>(
      'SELECT event, actor, detail FROM activity_logs WHERE delegation_id = $1 ORDER BY activity_id DESC LIMIT 1',
      [id],
    )
  )[0]!;

async function row(id: string) {
  const [found] = await database.query<{
    deadline: number;
    reason: string | null;
    heard: number | null;
    stuck: string | null;
    stalled: string | null;
  }>(
    `SELECT extract(epoch FROM deadline - clock_timestamp())::float8 AS deadline, waiting_reason AS reason,
       extract(epoch FROM clock_timestamp() - last_heartbeat)::float8 AS heard, stuck_after_ms AS stuck, stalled_after_ms AS stalled
     FROM delegations WHERE delegation_id = $1`,
    [id],
  );
  return found!;
}

function expectAbout(actual: number, expected: number): void {
  expect(actual).toBeGreaterThan(expected - 30);
  expect(actual).toBeLessThanOrEqual(expected + 1);
}

describe('delegation_wait and delegation_resume', () => {
  test('hold the deadline for as long as is waited; resuming is a sign of life', async () => {
    const id = await seedDelegation(database, { silentSeconds: 200, deadlineSeconds: 1000 });
    expect(await call('wait', `$1, until_ms => 500000, reason => 'a person', actor => 'me'`, [id])).toMatchObject({
      outcome: 'waiting',
      status: 'in_progress',
      waiting_until: expect.any(Date),
    });
    const waiting = await row(id);
    expect(waiting.reason).toBe('a person');
    expectAbout(waiting.deadline, 1500);
    expect(waiting.heard).toBeGreaterThanOrEqual(200);
    expect(await lastActivity(id)).toMatchObject({
      event: 'delegation.waiting',
      actor: 'me',
      detail: {
        reason: 'a person',
        until: expect.any(String),
        since: expect.any(String),
        deadline: expect.any(String),
      },
    });
    expect(await call('resume', '$1', [id])).toEqual({
      outcome: 'resumed',
      status: 'in_progress',
      waiting_until: null,
      stuck_after_ms: null,
    });
    const resumed = await row(id);
    expect(resumed.reason).toBeNull();
    expectAbout(resumed.deadline, 1000);
    expect(resumed.heard).toBeLessThan(30);
    expect(await lastActivity(id)).toMatchObject({ event: 'delegation.resumed', actor: 'ledger' });
    expect(await call('resume', '$1', [id])).toMatchObject({ outcome: 'unchanged' });
  });

  test('a second wait takes the place of the first; the same one again is unchanged', async () => {
    const id = await seedDelegation(database, { deadlineSeconds: 1000 });
    const until = new Date(Date.now() + 500_000);
    const again = [id, until] as const;
    expect(await call('wait', `$1, $2, 'first'`, [...again])).toMatchObject({
      outcome: 'waiting',
      waiting_until: until,
    });
    expect(await call('wait', `$1, $2, 'first'`, [...again])).toMatchObject({
      outcome: 'unchanged',
      waiting_until: until,
    });
    expect(await call('wait', `$1, $2, 'second'`, [...again])).toMatchObject({ outcome: 'waiting' });
    expect(await call('wait', `$1, reason => 'third', until_ms => 200000`, [id])).toMatchObject({ outcome: 'waiting' });
    expectAbout((await row(id)).deadline, 1200);
    // Two resumes at once: the second finds nothing to end.
    const both = await Promise.all([call('resume', '$1', [id]), call('resume', '$1', [id])]);
    expect(both.map(({ outcome }) => outcome).sort()).toEqual(['resumed', 'unchanged']);
    expectAbout((await row(id)).deadline, 1000);
  });

  test('a change of status ends a wait, the same status again does not, nor a heartbeat', async () => {
    const id = await seedDelegation(database, { deadlineSeconds: 1000 });
    await call('wait', `$1, reason => 'x', until_ms => 500000`, [id]);
    await call('set_status', `$1, 'in_progress'`, [id]);
    await call('heartbeat', '$1, min_interval_ms => 0', [id]);
    expect((await row(id)).reason).toBe('x');
    expect(await call('set_status', `$1, 'completed'`, [id])).toMatchObject({ outcome: 'changed' });
    expect(await row(id)).toMatchObject({ reason: null });
    expectAbout((await row(id)).deadline, 1000);
  });

  test('refuse what is over, and do not know what is not there', async () => {
    const id = await seedDelegation(database, { status: 'stuck' });
    expect(await call('wait', `$1, until_ms => 1, reason => 'x'`, [id])).toEqual({
      outcome: 'refused',
      status: 'stuck',
      waiting_until: null,
    });
    expect(await call('resume', '$1', [id])).toMatchObject({ outcome: 'refused' });
    expect(await call('adjust', '$1, stuck_after_ms => 5000', [id])).toMatchObject({ outcome: 'refused' });
    const nobody = randomUUID();
    for (const [name, args] of [
      ['wait', `$1, until_ms => 1, reason => 'x'`],
      ['resume', '$1'],
      ['adjust', '$1'],
    ] as const)
      expect(await call(name, args, [nobody])).toMatchObject({ outcome: 'missing', status: null });
  });

  test.each([
    ['id', 'wait', `'', until_ms => 1, reason => 'x'`],
    ['until_ms', 'wait', `'x', until_ms => 0, reason => 'x'`],
    ['until_ms', 'wait', `'x', until_ms => -1, reason => 'x'`],
    ['until_ms', 'wait', `'x', until_ms => 2592000001, reason => 'x'`],
    ['until_ms', 'wait', `'x', now() + interval '1 hour', 'x', until_ms => 1`],
    ['until', 'wait', `'x', reason => 'x'`],
    ['until', 'wait', `'x', now() - interval '1 second', 'x'`],
    ['until', 'wait', `'x', now() + interval '721 hours', 'x'`],
    ['until', 'wait', `'x', 'infinity', 'x'`],
    ['reason', 'wait', `'x', until_ms => 1`],
    ['reason', 'wait', `'x', until_ms => 1, reason => ''`],
    ['reason', 'wait', `'x', until_ms => 1, reason => repeat('x', 201)`],
    ['actor', 'wait', `'x', until_ms => 1, reason => 'x', actor => NULL`],
    ['actor', 'resume', `'x', ''`],
    ['stuck_after_ms', 'adjust', `'x', stuck_after_ms => 999`],
    ['stuck_after_ms', 'adjust', `'x', stuck_after_ms => 1000, no_stuck_after => true`],
    ['stalled_after_ms', 'adjust', `'x', stalled_after_ms => 2592000001`],
    ['deadline', 'adjust', `'x', deadline => 'infinity'`],
    ['deadline_ms', 'adjust', `'x', deadline_ms => 0`],
  ])('%s is refused: %s(%s)', async (argument, name, args) => {
    await expect(call(name, args)).rejects.toMatchObject({
      code: '22023',
      message: expect.stringMatching(`^${argument} `),
    });
  });
});

describe('delegation_adjust', () => {
  test('moves a deadline later only, and changes nothing when a part is refused', async () => {
    const id = await seedDelegation(database, { deadlineSeconds: 1000 });
    expect(await call('adjust', `$1, deadline_ms => 2000000, actor => 'me'`, [id])).toEqual({
      outcome: 'adjusted',
      status: 'in_progress',
    });
    expectAbout((await row(id)).deadline, 2000);
    expect(await lastActivity(id)).toMatchObject({
      event: 'delegation.adjusted',
      actor: 'me',
      detail: { deadline: { from: expect.any(String), to: expect.any(String) } },
    });
    expect(await call('adjust', '$1, deadline_ms => 1000, stuck_after_ms => 5000', [id])).toMatchObject({
      outcome: 'refused',
    });
    expect(await row(id)).toMatchObject({ stuck: null });
    expectAbout((await row(id)).deadline, 2000);
  });

  test('gives a threshold of its own, changes it and takes it away', async () => {
    const id = await seedDelegation(database);
    expect(await call('adjust', '$1, stuck_after_ms => 5000, stalled_after_ms => 7000', [id])).toMatchObject({
      outcome: 'adjusted',
    });
    expect(await call('adjust', '$1, stuck_after_ms => 5000', [id])).toMatchObject({ outcome: 'unchanged' });
    expect(await row(id)).toMatchObject({ stuck: '5000', stalled: '7000' });
    expect(await call('adjust', '$1, no_stuck_after => true', [id])).toMatchObject({ outcome: 'adjusted' });
    expect(await row(id)).toMatchObject({ stuck: null, stalled: '7000' });
    expect(await lastActivity(id)).toMatchObject({ detail: { stuckAfterMs: { from: 5000, to: null } } });
    expect(await call('adjust', '$1', [id])).toMatchObject({ outcome: 'unchanged' });
  });
});
