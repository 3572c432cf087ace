import { expect, test } from '@jest/globals';
import { Explainer } from '../../../src/sweeper/explanation/explainer.ts';
import { startDebianServer } from '../../conformance/debian-server.ts';
import { createTestDatabase } from '../../support/database.ts';
import { seedDelegation, sweeperDefaults, testSweeper } from '../../support/fixtures.ts';
import { mapTask, ScriptedProbe } from '../../support/scripted-probe.ts';
import { seedSpecial } from '../../support/seed-special.ts';

test("explanations work on Debian's PostgreSQL, the oldest that is supported, and a sweep there does what they say", async () => {
  await using undo = new AsyncDisposableStack();
  await using database = await createTestDatabase(await startDebianServer(undo));
  const ids = [
    await seedDelegation(database, { delegationId: 'silent', silentSeconds: 700 }),
    await seedDelegation(database, { delegationId: 'heard' }),
    await seedDelegation(database, { delegationId: 'overdue', status: 'queued', deadlineSeconds: -5 }),
    await seedSpecial(database, { delegationId: 'own', stuckAfterMs: 5_000, silentSeconds: 60 }),
    await seedSpecial(database, { delegationId: 'stalled', stalledAfterMs: 5_000, enteredSeconds: 60 }),
    await seedSpecial(database, { delegationId: 'waiting', silentSeconds: 9_000, waitingForSeconds: 60 }),
    await seedDelegation(database, { delegationId: 'task', silentSeconds: 900 }),
  ];
  await mapTask(database, 'task');
  const probe = new ScriptedProbe(() => ({ outcome: 'no_answer', reason: 'timeout' })).options();
  const sweeper = { ...sweeperDefaults, probe };
  const cron = { expression: '* * * * *', timezone: 'UTC' };
  const explainer = new Explainer(database.db, { sweeper, cron, onTime: true });
  const said: Record<string, unknown> = {};
  for (const id of ids) said[id] = (await explainer.explain(id))!.nextSweep!.actionNow;
  expect(said).toEqual({
    silent: 'mark_stuck',
    heard: 'nothing',
    overdue: 'fail',
    own: 'mark_stuck',
    stalled: 'mark_stuck',
    waiting: 'nothing',
    task: 'ask_agent',
  });
  await testSweeper(database.db, sweeper).sweeper.sweep({ trigger: 'manual' });
  const ends: Record<string, unknown> = {};
  for (const id of ids) ends[id] = (await explainer.explain(id))!.ending?.mark?.rule;
  expect(ends).toEqual({
    silent: 'stale',
    heard: undefined,
    overdue: 'overdue',
    own: 'stale',
    stalled: 'stalled',
    waiting: undefined,
    task: 'stale',
  });
  expect(await explainer.unknown('silemt')).toMatchObject({ near: ['silent'], activity: null });
}, 120_000);
