import { describe, expect, test } from '@jest/globals';
import { openDatabase } from '../../../src/db/database.ts';
import { Availability } from '../../../src/outage/availability.ts';
import { Looks } from '../../../src/sweeper/on-time/looks.ts';
import { nextStep, SWEEP_PATIENCE_MS } from '../../../src/sweeper/on-time/next-step.ts';
import { OnTime } from '../../../src/sweeper/on-time/on-time.ts';
import type { ProbeAnswer } from '../../../src/sweeper/probe/suspect-probe.ts';
import { Sweeper } from '../../../src/sweeper/sweeper.ts';
import { capturedLog, seedDelegation, sweeperDefaults, testLedger, testSweeper } from '../../support/fixtures.ts';
import { mapTask, ScriptedProbe } from '../../support/scripted-probe.ts';
import { useDatabase } from '../../support/use-database.ts';
import { waitFor } from '../../support/wait-for.ts';

const database = useDatabase({ per: 'test' });

const noAnswer: ProbeAnswer = { outcome: 'no_answer', reason: 'timeout' };
const alive = (fingerprint: string): ProbeAnswer => ({ seen: { step: 'in_progress' }, fingerprint });

/** So many tasks, the first silent for the longest. */
async function suspects(
  count: number,
  { agentUrl = 'http://agent.test/rpc', calleeId = 'callee' } = {},
): Promise<string[]> {
  const ids: string[] = [];
  for (let n = 0; n < count; n += 1) {
    const id = await seedDelegation(database, { silentSeconds: 9_000 - n * 600, calleeId });
    await mapTask(database, id, { agentUrl });
    ids.push(id);
  }
  return ids;
}

const statusesOf = async (ids: readonly string[]) => {
  const { ledger } = testLedger(database.db);
  return Promise.all(ids.map(async (id) => (await ledger.get(id))!.status));
};

describe('at most A2A_PROBE_MAX are asked in a sweep', () => {
  test('the oldest first; the others wait unmarked for the next sweeps, each of which is cut short and says so', async () => {
    const ids = await suspects(5);
    const probe = new ScriptedProbe(() => noAnswer);
    const { sweeper, lines } = testSweeper(database.db, { probe: probe.options({ asksMax: 2 }) });
    expect(await sweeper.sweep({ trigger: 'cron' })).toMatchObject({ stuck: 2, remaining: 3, truncated: true });
    expect(probe.asked).toEqual(ids.slice(0, 2));
    expect(sweeper.hasLeft).toBe(true);
    expect(await statusesOf(ids)).toEqual(['stuck', 'stuck', 'in_progress', 'in_progress', 'in_progress']);
    expect(lines.filter(({ event }) => event === 'sweep.probes_left')).toMatchObject([{ asked: 2, left: 3 }]);
    expect(await sweeper.sweep({ trigger: 'cron' })).toMatchObject({ stuck: 2, remaining: 1, truncated: true });
    expect(await sweeper.sweep({ trigger: 'cron' })).toMatchObject({ stuck: 1, remaining: 0, truncated: false });
    expect(sweeper.hasLeft).toBe(false);
    expect(probe.asked).toEqual(ids);
  });

  test('by all of its rules together', async () => {
    const [silent] = await suspects(1);
    const stalled = await seedDelegation(database, { silentSeconds: 0 });
    await mapTask(database, stalled);
    // In two steps, since a change of the limit counts lack of progress from then.
    await database.query('UPDATE delegations SET stalled_after_ms = 60000 WHERE delegation_id = $1', [stalled]);
    await database.query(
      `UPDATE delegations SET stalled_from = clock_timestamp() - interval '5 minutes',
         suspect_at = clock_timestamp() - interval '1 minute' WHERE delegation_id = $1`,
      [stalled],
    );
    const probe = new ScriptedProbe(() => noAnswer);
    const { sweeper } = testSweeper(database.db, { probe: probe.options({ asksMax: 1 }) });
    await sweeper.sweep({ trigger: 'cron' });
    expect(probe.asked).toEqual([silent]);
    expect(sweeper.hasLeft).toBe(true);
  });

  test('those that may not be asked are marked at once, and count for nothing', async () => {
    const refused = await suspects(3, { agentUrl: 'http://elsewhere.test/rpc' });
    const asked = await suspects(1);
    const probe = new ScriptedProbe(
      () => alive('f'),
      (url) => (url.includes('elsewhere') ? 'host' : null),
    );
    const { sweeper, lines } = testSweeper(database.db, { probe: probe.options({ asksMax: 1 }) });
    expect(await sweeper.sweep({ trigger: 'cron' })).toMatchObject({ stuck: 3, remaining: 0, truncated: false });
    expect(probe.asked).toEqual(asked);
    expect(await statusesOf(refused)).toEqual(['stuck', 'stuck', 'stuck']);
    const marks = lines.filter(({ event }) => event === 'delegation.stuck');
    expect(marks.map(({ probe: outcome, probeReason }) => [outcome, probeReason])).toEqual(
      Array.from({ length: 3 }, () => ['not_asked', 'host']),
    );
  });

  test('a row that stays locked is asked again only after all others', async () => {
    const ids = await suspects(3);
    const trx = await database.db.startTransaction().execute();
    await trx.selectFrom('delegations').select('status').where('delegation_id', '=', ids[0]!).forUpdate().execute();
    const probe = new ScriptedProbe(() => noAnswer);
    const { sweeper } = testSweeper(database.db, { probe: probe.options({ asksMax: 1 }) });
    for (let sweep = 1; sweep <= 4; sweep += 1) await sweeper.sweep({ trigger: 'cron' });
    expect(probe.asked).toEqual([ids[0], ids[1], ids[2], ids[0]]);
    await trx.rollback().execute();
    await sweeper.sweep({ trigger: 'cron' });
    expect(await statusesOf(ids)).toEqual(['stuck', 'stuck', 'stuck']);
  });

  test('between the ticks a daemon sweeps on by itself until all have been asked', async () => {
    const ids = await suspects(4);
    const probe = new ScriptedProbe(() => noAnswer);
    const capture = capturedLog();
    await using handle = openDatabase({
      location: { url: database.url },
      max: 4,
      applicationName: 'on time',
      queryTimeoutMs: 60_000,
      schema: 'public',
    });
    const options = { ...sweeperDefaults, probe: probe.options({ asksMax: 1 }) };
    const sweeper = new Sweeper(handle.db, capture.log, options);
    const service = new OnTime(new Looks(handle.db, options), sweeper, new Availability(capture.log));
    await sweeper.sweep({ trigger: 'startup' });
    await service.start();
    await waitFor('all to be marked', async () => (await statusesOf(ids)).every((status) => status === 'stuck'));
    await service.stop();
    expect(probe.asked).toEqual(ids);
  });
});

test('while agents are asked, the other rows are marked', async () => {
  const [asked] = await suspects(1);
  const plain = await seedDelegation(database, { silentSeconds: 700 });
  const probe = new ScriptedProbe(async () => {
    await waitFor('the plain row to be marked', async () => (await statusesOf([plain]))[0] === 'stuck');
    return alive('f');
  });
  const { sweeper } = testSweeper(database.db, { probe: probe.options({ timeoutMs: 60_000 }) });
  expect(await sweeper.sweep({ trigger: 'cron' })).toMatchObject({ stuck: 1 });
  expect(await statusesOf([asked!, plain])).toEqual(['in_progress', 'stuck']);
});

test('agents that never answer, and a probe that never returns, hold up a sweep for the timeout alone: all are asked at once', async () => {
  const ids = await suspects(15);
  const probe = new ScriptedProbe(() => new Promise<never>(() => {}));
  let calls = 0;
  const counted = {
    refusal: () => null,
    ask: (...args: Parameters<typeof probe.ask>) => {
      calls += 1;
      return probe.ask(...args);
    },
  };
  const { sweeper, lines } = testSweeper(database.db, {
    probe: { ...probe.options({ timeoutMs: 200 }), probe: counted },
  });
  expect(await sweeper.sweep({ trigger: 'cron' })).toMatchObject({ stuck: 15, remaining: 0 });
  expect(probe.asked.toSorted()).toEqual(ids.toSorted());
  expect(calls).toBe(1);
  const probed = lines.filter(({ event }) => event === 'delegation.probed');
  expect(probed.map(({ outcome, reason }) => `${outcome} ${reason}`)).toEqual(ids.map(() => 'no_answer timeout'));
});

test('what a storm holds is not asked, and deadlines go on', async () => {
  const ids = [...(await suspects(3, { calleeId: 'a' })), ...(await suspects(3, { calleeId: 'b' }))];
  const probe = new ScriptedProbe(() => alive('f'));
  const storm = { minStale: 3, ratio: 0.5, maxHoldMs: 1_800_000 };
  const { sweeper } = testSweeper(database.db, { storm, probe: probe.options() });
  expect(await sweeper.sweep({ trigger: 'cron' })).toMatchObject({ held: true, stuck: 0, remaining: 6 });
  expect(probe.asked).toEqual([]);
  // After STORM_MAX_HOLD each sweep may mark a twentieth, and asks no more than that.
  await database.query(`UPDATE sweeper_state SET storm_held_since = storm_held_since - interval '31 minutes',
    storm_forming_since = storm_forming_since - interval '31 minutes'`);
  await sweeper.sweep({ trigger: 'cron' });
  expect(probe.asked).toHaveLength(1);
  expect(await statusesOf(ids)).toEqual(ids.map(() => 'in_progress'));
});

test('the budget of a rule holds with and without the rows whose agents are asked', async () => {
  const tasks = await suspects(3);
  const plain = await Promise.all([650, 640].map((silentSeconds) => seedDelegation(database, { silentSeconds })));
  const probe = new ScriptedProbe(() => noAnswer);
  const { sweeper } = testSweeper(database.db, { rowsMax: 4, probe: probe.options() });
  expect(await sweeper.sweep({ trigger: 'cron' })).toMatchObject({ stuck: 4, remaining: 1, truncated: true });
  expect(probe.asked.toSorted()).toEqual(tasks.toSorted());
  expect((await statusesOf(plain)).toSorted()).toEqual(['in_progress', 'stuck']);
});

describe('a dry run asks nobody, and names what would be asked', () => {
  test('with exactly the rows that a sweep changes when no agent answers', async () => {
    const tasks = await suspects(3);
    const refused = await suspects(1, { agentUrl: 'http://elsewhere.test/rpc' });
    const plain = await seedDelegation(database, { silentSeconds: 700 });
    const probe = new ScriptedProbe(
      () => noAnswer,
      (url) => (url.includes('elsewhere') ? 'host' : null),
    );
    const { sweeper } = testSweeper(database.db, { probe: probe.options({ asksMax: 2 }) });
    const rehearsal = await sweeper.dryRun();
    expect(probe.asked).toEqual([]);
    expect(rehearsal).toMatchObject({ stuck: 4, remaining: 1, truncated: true });
    const asked = rehearsal.rows.filter((row) => 'asked' in row && row.asked).map(({ delegationId }) => delegationId);
    expect(asked.toSorted()).toEqual(tasks.slice(0, 2).toSorted());
    const summary = await sweeper.sweep({ trigger: 'manual' });
    expect(summary).toMatchObject({ stuck: 4, remaining: 1, truncated: true });
    const changed = await database.query<{ id: string }>(
      `SELECT delegation_id AS id FROM delegations WHERE status = 'stuck'`,
    );
    expect(rehearsal.rows.map(({ delegationId }) => delegationId).toSorted()).toEqual(
      changed.map(({ id }) => id).toSorted(),
    );
    expect(changed.map(({ id }) => id)).toEqual(expect.arrayContaining([...refused, plain]));
  });
});

test('another replica gives a sweep that asks as much longer as agents have to answer', () => {
  const look = {
    nowUs: 10_000_000_000,
    judgedAtUs: 0,
    judgedForMs: 10,
    leaseId: 'one',
    isRecorded: false,
    isBetweenTicks: true,
    isLeftToTicks: false,
    isEmpty: false,
    dueUs: 1,
  };
  expect(nextStep(look, SWEEP_PATIENCE_MS, 5_000)).toMatchObject({ kind: 'wait' });
  expect(nextStep(look, SWEEP_PATIENCE_MS + 5_000, 5_000)).toEqual({ kind: 'sweep' });
});
