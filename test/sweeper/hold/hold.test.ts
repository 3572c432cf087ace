import { describe, expect, test } from '@jest/globals';
import { OperatorHolds } from '../../../src/sweeper/hold/operator-holds.ts';
import { StatusReader } from '../../../src/sweeper/status/status-reader.ts';
import type { SweeperOptions } from '../../../src/sweeper/sweeper-options.ts';
import { seedDelegation, testLedger, testSweeper } from '../../support/fixtures.ts';
import { mapTask, ScriptedProbe } from '../../support/scripted-probe.ts';
import { countByStatus, seedFleet } from '../../support/seed-fleet.ts';
import { seedSpecial } from '../../support/seed-special.ts';
import { useDatabase } from '../../support/use-database.ts';

const database = useDatabase({ per: 'test' });
const HOUR_MS = 3_600_000;
const holds = () => new OperatorHolds(database.db);
const hold = (forMs = HOUR_MS, reason = 'network maintenance', by = 'ana') => holds().hold({ forMs, reason, by });
/** A replica. */
const replica = (options: Partial<SweeperOptions> = {}) => testSweeper(database.db, options);
const statusOf = async (id: string) => (await testLedger(database.db).ledger.get(id))?.status;
const status = () =>
  new StatusReader(database.db, {
    cron: { expression: '* * * * *', timezone: 'UTC' },
    stuckAfterMs: 600_000,
    stormMaxHoldMs: 1_800_000,
  }).status();
/** As if this much time had passed since the hold was made. */
const age = (ms: number) =>
  database.query(
    `UPDATE sweeper_holds SET made_at = made_at - $1 * interval '1 millisecond', held_since = held_since - $1 * interval '1 millisecond',
       held_until = held_until - $1 * interval '1 millisecond'`,
    [ms],
  );

/** One row for each rule. */
async function seedEach() {
  return {
    stale: await seedDelegation(database, { silentSeconds: 700 }),
    staleSpecial: await seedSpecial(database, { stuckAfterMs: 5_000, silentSeconds: 60 }),
    stalled: await seedSpecial(database, { stalledAfterMs: 5_000, enteredSeconds: 60 }),
    overdue: await seedDelegation(database, { deadlineSeconds: -5 }),
  };
}

describe('while an operator holds', () => {
  test('what is stale or stalled is not marked and remains, what is overdue is; each sweep of each replica says so', async () => {
    const { stale, staleSpecial, stalled, overdue } = await seedEach();
    await hold();
    const [one, other] = [replica(), replica()];
    const kept = { stuck: 0, remaining: 3, held: true, heldBy: 'operator', truncated: false };
    expect(await one.sweeper.sweep({ trigger: 'cron' })).toMatchObject({ ...kept, failed: 1 });
    expect(await other.sweeper.sweep({ trigger: 'manual' })).toMatchObject({ ...kept, failed: 0 });
    expect(await Promise.all([stale, staleSpecial, stalled, overdue].map(statusOf))).toEqual([
      'in_progress',
      'in_progress',
      'in_progress',
      'failed',
    ]);
    for (const { events } of [one, other]) {
      expect(events('sweep.held')).toMatchObject([
        {
          level: 'error',
          by: 'operator',
          reason: 'network maintenance',
          stale: 3,
          inFlight: null,
          ratio: null,
          callees: [],
        },
      ]);
      expect(events('sweep.completed')).toMatchObject([{ held: true, truncated: false }]);
    }
    const [{ heldForMs, releasesInMs }] = one.events('sweep.held') as [{ heldForMs: number; releasesInMs: number }];
    expect(heldForMs + releasesInMs).toBeGreaterThanOrEqual(HOUR_MS - 2);
    expect(heldForMs + releasesInMs).toBeLessThanOrEqual(HOUR_MS);
  });

  test('a sweep counts as completed, so that readiness goes on', async () => {
    await seedEach();
    await hold();
    await replica().sweeper.sweep({ trigger: 'cron' });
    const { sweptAt, dueSince } = await status();
    expect(sweptAt! > dueSince).toBe(true);
  });

  test('a sweep between the ticks obeys as well', async () => {
    const { stale } = await seedEach();
    await hold();
    const { sweeper, events } = replica();
    const signal = new AbortController().signal;
    expect(await sweeper.sweepDue({ sweepId: 'due', after: null, judgedAtUs: null, signal })).toBe(true);
    expect(await statusOf(stale)).toBe('in_progress');
    expect(events('sweep.held')).toMatchObject([{ sweepId: 'due', by: 'operator' }]);
    expect(events('delegation.deadline_exceeded')).toHaveLength(1);
  });

  test('a dry run names exactly what a sweep would change', async () => {
    const { overdue } = await seedEach();
    await hold();
    const { sweeper } = replica();
    const plan = await sweeper.dryRun();
    expect(plan).toMatchObject({ stuck: 0, failed: 1, remaining: 3, held: true, heldBy: 'operator', truncated: false });
    expect(plan.rows.map(({ delegationId }) => delegationId)).toEqual([overdue]);
    const forced = await sweeper.dryRun({ force: true });
    expect(forced).toMatchObject({ stuck: 3, failed: 1, remaining: 0, held: false, heldBy: null });
    const { stuck, failed, remaining } = await sweeper.sweep({ trigger: 'manual' });
    expect({ stuck, failed, remaining }).toEqual({ stuck: 0, failed: 1, remaining: 3 });
  });

  test('no agent is asked', async () => {
    const id = await seedDelegation(database, { silentSeconds: 700 });
    await mapTask(database, id);
    await hold();
    const probe = new ScriptedProbe(() => ({ outcome: 'no_answer', reason: 'timeout' }));
    const { sweeper } = replica({ probe: probe.options() });
    await sweeper.sweep({ trigger: 'cron' });
    expect(probe.asked).toEqual([]);
    expect(sweeper.hasLeft).toBe(false);
    await holds().release('ana');
    await sweeper.sweep({ trigger: 'cron' });
    expect(probe.asked).toEqual([id]);
  });

  test('sweep --force marks, says that it ignores the hold, and leaves it', async () => {
    await seedEach();
    await hold();
    const { sweeper, events } = replica();
    expect(await sweeper.sweep({ trigger: 'manual', force: true })).toMatchObject({
      stuck: 3,
      held: false,
      heldBy: null,
    });
    expect(events('sweep.released')).toMatchObject([{ why: 'forced', by: 'operator', reason: 'network maintenance' }]);
    expect(events('sweep.held')).toEqual([]);
    await seedDelegation(database, { silentSeconds: 700 });
    expect(await sweeper.sweep({ trigger: 'cron' })).toMatchObject({ stuck: 0, held: true });
  });

  test('status names it, who made it, and until when', async () => {
    const { hold: made } = await hold();
    const { hold: shown, storm, operatorHolds } = await status();
    const { reason, since, until, madeBy, madeRole } = made;
    expect(shown).toEqual({ by: 'operator', reason, since, until, madeBy, madeRole });
    expect({ reason, madeBy, madeRole }).toEqual({
      reason: 'network maintenance',
      madeBy: 'ana',
      madeRole: 'postgres',
    });
    expect(until.getTime() - since.getTime()).toBe(HOUR_MS);
    expect(storm.state).toBe('calm');
    expect(operatorHolds).toEqual([made]);
  });
});

describe('a hold ends', () => {
  test('when an operator releases it; the next sweep judges what was silent meanwhile, and one sweep says so', async () => {
    await seedEach();
    await hold();
    const [one, other] = [replica(), replica()];
    await one.sweeper.sweep({ trigger: 'cron' });
    await age(60_000);
    expect(await holds().release('bob')).toMatchObject({ madeBy: 'ana', endedWhy: 'operator', endedBy: 'bob' });
    expect(await other.sweeper.sweep({ trigger: 'cron' })).toMatchObject({ stuck: 3, held: false });
    await one.sweeper.sweep({ trigger: 'cron' });
    const released = [...one.events('sweep.released'), ...other.events('sweep.released')];
    expect(released).toMatchObject([
      { level: 'warn', why: 'operator', by: 'operator', reason: 'network maintenance', stale: null, inFlight: null },
    ]);
    expect(released[0]!.heldForMs).toBeGreaterThanOrEqual(60_000);
    expect((await status()).hold).toBeNull();
  });

  test('by itself; two sweeps at once say so once', async () => {
    await seedEach();
    await hold();
    await age(HOUR_MS);
    expect((await status()).hold).toBeNull();
    const replicas = [replica(), replica()];
    await Promise.all(replicas.map(({ sweeper }) => sweeper.sweep({ trigger: 'cron' })));
    expect(replicas.flatMap(({ events }) => events('sweep.released'))).toMatchObject([
      { why: 'expired', heldForMs: HOUR_MS, by: 'operator' },
    ]);
    expect((await status()).operatorHolds).toMatchObject([{ endedWhy: 'expired', endedBy: null }]);
    expect(await countByStatus(database)).toEqual({ stuck: 3, failed: 1 });
  });

  test('and its time counted as silence: the agents were observed', async () => {
    const silent = await seedDelegation(database, { silentSeconds: 590 });
    await hold();
    // Ten seconds of the hold are all that it lacks.
    await database.query(`UPDATE delegations SET last_heartbeat = last_heartbeat - interval '20 seconds'`);
    await holds().release('ana');
    await replica().sweeper.sweep({ trigger: 'cron' });
    expect(await statusOf(silent)).toBe('stuck');
  });

  test('to the second for a release of nothing, which changes nothing', async () => {
    expect(await holds().release('ana')).toBeNull();
    await hold();
    await age(HOUR_MS);
    expect(await holds().release('ana')).toBeNull();
    expect((await status()).operatorHolds).toMatchObject([{ endedWhy: 'expired', endedBy: null }]);
    const { sweeper, events } = replica();
    await sweeper.sweep({ trigger: 'cron' });
    expect(events('sweep.released')).toMatchObject([{ why: 'expired', heldForMs: HOUR_MS }]);
  });
});

describe('a second hold', () => {
  test('replaces the first, also when it ends earlier, and names it; the rules are held since the first', async () => {
    const { hold: first } = await hold();
    const { hold: second, replaced } = await hold(60_000, 'it takes longer', 'bob');
    expect(replaced).toMatchObject({ reason: first.reason, madeBy: 'ana', endedWhy: 'replaced', endedBy: 'bob' });
    expect(second.since).toEqual(first.since);
    expect(second.until.getTime() - second.madeAt.getTime()).toBe(60_000);
    expect((await status()).hold).toMatchObject({ reason: 'it takes longer', madeBy: 'bob', since: first.since });
    const { sweeper, events } = replica();
    await sweeper.sweep({ trigger: 'cron' });
    // Nothing has ended.
    expect(events('sweep.released')).toEqual([]);
    expect(events('sweep.held')).toMatchObject([{ reason: 'it takes longer' }]);
  });

  test('after the first has expired begins anew, and the end of the first is still logged', async () => {
    await hold();
    await age(2 * HOUR_MS);
    const { hold: second, replaced } = await hold(60_000, 'again');
    expect(replaced).toBeNull();
    expect(second.since).toEqual(second.madeAt);
    const { sweeper, events } = replica();
    await sweeper.sweep({ trigger: 'cron' });
    expect(events('sweep.released')).toMatchObject([{ why: 'expired', reason: 'network maintenance' }]);
    expect(events('sweep.held')).toMatchObject([{ reason: 'again' }]);
  });

  test('leaves a bounded history', async () => {
    for (let i = 0; i < 110; i += 1) await hold(60_000, `reason ${i}`);
    const [count] = await database.query<{ rows: number }>('SELECT count(*)::int AS rows FROM sweeper_holds');
    expect(count!.rows).toBe(100);
    const { operatorHolds } = await status();
    expect(operatorHolds.map(({ reason }) => reason)).toEqual(
      Array.from({ length: 10 }, (_, i) => `reason ${109 - i}`),
    );
  });
});

describe('the storm guard', () => {
  const storm = { minStale: 20, ratio: 0.5, maxHoldMs: 1_800_000 };

  test('goes on judging during an operator’s hold, and does not end it', async () => {
    await seedFleet(database, { rows: 30, callees: 3, silentSeconds: 700 });
    await seedFleet(database, { rows: 10, callees: 1 });
    await hold();
    const { sweeper, events } = replica({ storm });
    expect(await sweeper.sweep({ trigger: 'cron' })).toMatchObject({ held: true, heldBy: 'operator', remaining: 30 });
    expect(events('sweep.held')).toMatchObject([
      { by: 'storm', reason: null, stale: 30, inFlight: 40 },
      { by: 'operator', reason: 'network maintenance', stale: 30 },
    ]);
    await database.query(`UPDATE sweeper_state SET storm_held_since = storm_held_since - interval '31 minutes'`);
    expect(await sweeper.sweep({ trigger: 'cron' })).toMatchObject({ stuck: 0, held: true, heldBy: 'operator' });
    expect(events('sweep.released')).toMatchObject([{ why: 'max_hold', by: 'storm', reason: null }]);
    expect(await countByStatus(database)).toEqual({ in_progress: 40 });
    // When the operator lets go, what the guard has decided counts: a twentieth of the stale.
    await holds().release('ana');
    expect(await sweeper.sweep({ trigger: 'cron' })).toMatchObject({ stuck: 2, held: false });
  });

  test('notices who comes back meanwhile', async () => {
    await seedFleet(database, { rows: 40, callees: 3, silentSeconds: 700 });
    await hold();
    const { sweeper } = replica({ storm });
    await sweeper.sweep({ trigger: 'cron' });
    await database.query(`UPDATE delegations SET last_heartbeat = clock_timestamp() WHERE delegation_id IN (
      SELECT delegation_id FROM delegations ORDER BY 1 LIMIT 10)`);
    await sweeper.sweep({ trigger: 'cron' });
    const [state] = await database.query('SELECT storm_came_back::int AS back FROM sweeper_state');
    expect(state).toEqual({ back: 10 });
  });

  test('holds on after a release: what fell silent together during the hold is not marked at once', async () => {
    await seedFleet(database, { rows: 40, callees: 3, silentSeconds: 700 });
    await hold();
    const { sweeper } = replica({ storm });
    await sweeper.sweep({ trigger: 'cron' });
    await holds().release('ana');
    expect(await sweeper.sweep({ trigger: 'cron' })).toMatchObject({ stuck: 0, held: true, heldBy: 'storm' });
    expect((await status()).hold).toMatchObject({ by: 'storm', reason: null, madeBy: null });
  });
});

describe('what an operator gives', () => {
  test.each([0, 999, -5, 1.5, Number.NaN, 7 * 24 * HOUR_MS + 1])('is refused: %s milliseconds', async (forMs) => {
    await expect(hold(forMs)).rejects.toThrow('forMs must be a whole number of milliseconds from 1000 to 604800000');
    expect(await database.query('SELECT FROM sweeper_holds')).toEqual([]);
  });

  test.each([1_000, 7 * 24 * HOUR_MS])('is accepted: %s milliseconds', async (forMs) => {
    const { hold: made } = await hold(forMs);
    expect(made.until.getTime() - made.since.getTime()).toBe(forMs);
  });

  test.each([
    ['reason', '', 'ana'],
    ['reason', '   ', 'ana'],
    ['reason', 'x'.repeat(201), 'ana'],
    ['by', 'why', ''],
    ['by', 'why', 'x'.repeat(201)],
  ])('is refused: a %s of a wrong length', async (field, reason, by) => {
    await expect(hold(60_000, reason, by)).rejects.toThrow(`${field} must have 1 to 200 characters, not`);
  });

  test('has nothing that a terminal or a log would interpret', async () => {
    const { hold: made } = await hold(60_000, 'red \u001b[31m\nsecond line \u202e', 'a\u0007na');
    expect(made.reason).toBe('red \\x1b[31m\\nsecond line \\u202e');
    expect(made.madeBy).toBe('a\\x07na');
  });
});

test('a hold that the database’s clock overtook by being set back has as long again as it was made for', async () => {
  await hold();
  await age(-24 * HOUR_MS);
  const { SetBack } = await import('../../../src/sweeper/observed-time/set-back.ts');
  const { sweeperTables } = await import('../../../src/sweeper/tables.ts');
  const [{ us }] = (await database.query('SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::float8 AS us')) as [
    { us: number },
  ];
  await new SetBack(database.db, sweeperTables(database.db)).takeBack(us);
  const [left] = await database.query<{ ms: number }>(
    `SELECT (extract(epoch FROM held_until - clock_timestamp()) * 1000)::float8 AS ms FROM sweeper_holds`,
  );
  expect(left!.ms).toBeLessThanOrEqual(HOUR_MS);
  expect(left!.ms).toBeGreaterThan(HOUR_MS - 60_000);
});
