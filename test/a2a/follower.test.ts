import { randomUUID } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import { Follower, type FollowerOptions } from '../../src/a2a/follower.ts';
import type { Observation } from '../../src/a2a/task-state.ts';
import { DelegationLedger } from '../../src/index.ts';
import { capturedLog, stepsOf } from '../support/fixtures.ts';
import { useDatabase } from '../support/use-database.ts';
import { eventually } from './callee/eventually.ts';

const database = useDatabase();
const agentUrl = 'https://coder.example/a2a';

/** A delegation with a follower, and how many statements this has sent. */
async function followed(options: FollowerOptions = {}) {
  let statements = 0;
  const counted = database.db.withPlugin({
    transformQuery: ({ node }) => node,
    transformResult: async ({ result }) => {
      statements += 1;
      return result;
    },
  });
  const { logger } = capturedLog();
  const ledger = new DelegationLedger(counted, { logger });
  const delegationId = randomUUID();
  await ledger.insert({ delegationId, callerId: 'planner', calleeId: 'coder', taskPreview: 'task' });
  statements = 0;
  const follower = new Follower(ledger, delegationId, options);
  const see = (...seen: (Observation | undefined)[]) => {
    for (const observation of seen) follower.saw(observation);
  };
  const said = () => stepsOf(ledger, delegationId);
  return { ledger, delegationId, follower, see, said, statements: () => statements };
}

const dispatched = { step: 'dispatched' } as const;
const working = { step: 'in_progress' } as const;
const alive = { step: 'alive' } as const;
const waiting = (reason: string) => ({ step: 'waiting', reason }) as const;

describe('what is seen of a task', () => {
  test('is written in the background, without what was overtaken meanwhile', async () => {
    const { follower, see, said, statements } = await followed();
    see(dispatched, working, undefined, working, alive);
    expect(statements()).toBe(0);
    await follower.settled();
    expect(await said()).toEqual(['queued', 'in_progress']);
  });

  test('costs no round trip while it says nothing new and a stamp is fresh', async () => {
    const { follower, see, statements } = await followed();
    see(working);
    await follower.settled();
    for (let event = 0; event < 1000; event += 1) see(working, alive, dispatched);
    await follower.settled();
    expect(statements()).toBe(1);
  });

  test('is a heartbeat when one is due', async () => {
    const { ledger, delegationId, follower, see } = await followed({ minIntervalMs: 1 });
    see(working);
    await follower.settled();
    const { lastHeartbeat } = (await ledger.get(delegationId))!;
    await eventually(async () => {
      see(alive);
      await follower.settled();
      expect((await ledger.get(delegationId))!.lastHeartbeat!.getTime()).toBeGreaterThan(lastHeartbeat!.getTime());
    });
  });

  test.each([dispatched, working, alive])('ends a wait: $step', async (after) => {
    const { follower, see, said } = await followed();
    see(waiting('one'));
    await follower.settled();
    see(waiting('one'), after);
    await follower.settled();
    expect(await said()).toEqual(['queued', 'in_progress', 'waiting', 'resumed']);
  });

  test('ends a wait of the other side only when it has seen that wait', async () => {
    const { ledger, delegationId, follower, see, said } = await followed();
    const agent = new Follower(ledger, delegationId, { actor: 'a2a-agent' });
    see(working);
    await follower.settled();
    agent.saw(waiting('one'));
    await agent.settled();
    // What was on its way when the agent began to wait.
    see(dispatched, working, alive);
    await follower.settled();
    expect(await said()).toEqual(['queued', 'in_progress', 'waiting']);
    see(waiting('one'));
    await follower.settled();
    see(working);
    await follower.settled();
    expect(await said()).toEqual(['queued', 'in_progress', 'waiting', 'resumed']);
  });

  test('names its task once, in the same round trip', async () => {
    const { ledger, delegationId, follower, statements } = await followed();
    const task = { agentUrl, taskId: randomUUID() };
    follower.saw(working, task);
    follower.saw(working, task);
    await follower.settled();
    expect(statements()).toBe(1);
    expect(await ledger.a2aTasks.find(task, { callerId: 'planner' })).toMatchObject({ delegationId });
  });

  test('is written when its delegation is known, and not at all where there is none', async () => {
    const { ledger, delegationId, statements } = await followed();
    const known = Promise.withResolvers<string | undefined>();
    const follower = new Follower(ledger, known.promise);
    follower.saw(working);
    known.resolve(delegationId);
    await follower.settled();
    expect(await ledger.get(delegationId)).toMatchObject({ status: 'in_progress' });
    const before = statements();
    const none = new Follower(ledger, Promise.resolve(undefined));
    none.saw(working);
    await none.settled();
    expect(statements()).toBe(before);
  });
});

test('that work has begun is not lost to a sign of life that comes while its write fails', async () => {
  const told: string[] = [];
  const observe = async (_: string, { step }: Observation) => {
    told.push(step);
    if (told.length > 1) return { outcome: 'changed', status: 'in_progress', stuckAfterMs: null };
    follower.saw(alive);
    return { outcome: 'failed', status: null, error: new Error('away') };
  };
  const follower = new Follower({ a2aTasks: { observe } } as never, 'delegation');
  follower.saw(working);
  await eventually(async () => expect(told).toEqual(['in_progress', 'in_progress']));
});

describe('an end', () => {
  test('is written without its task where the ledger takes no such task', async () => {
    const { ledger, delegationId, follower } = await followed();
    const task = { agentUrl: `${agentUrl}/${'x'.repeat(500)}`, taskId: randomUUID() };
    follower.saw({ step: 'completed', resultPreview: 'done' }, task);
    await follower.settled();
    expect(await ledger.get(delegationId)).toMatchObject({ status: 'completed', resultPreview: 'done' });
  });

  test('is always written, and nothing after it', async () => {
    const { follower, see, said } = await followed();
    see(working, { step: 'completed', resultPreview: 'done' }, working, { step: 'failed', errorDetail: 'no' });
    await follower.settled();
    expect(await said()).toEqual(['queued', 'in_progress', 'completed']);
    expect(follower.hasEnded).toBe(true);
  });

  test('of a delegation that the ledger has ended is a late result; the follower says once that it is lost', async () => {
    const lost: string[] = [];
    const { ledger, delegationId, follower, see, said } = await followed({ onLost: (status) => lost.push(status) });
    await ledger.setStatus(delegationId, 'failed', { errorDetail: 'deadline exceeded' });
    see(working);
    await follower.settled();
    see(alive);
    see({ step: 'completed', resultPreview: 'done' });
    await follower.settled();
    expect(lost).toEqual(['failed']);
    expect(await said()).toEqual(['queued', 'failed', 'late_result']);
  });

  test('is written when the database is back: until then nothing throws, and nobody waits', async () => {
    const { ledger, delegationId, follower, see } = await followed();
    await database.query('ALTER TABLE delegations RENAME TO away');
    see(working, { step: 'completed', resultPreview: 'done' });
    await follower.settled();
    await database.query('ALTER TABLE away RENAME TO delegations');
    await eventually(async () => expect(await ledger.get(delegationId)).toMatchObject({ status: 'completed' }));
  });
});
