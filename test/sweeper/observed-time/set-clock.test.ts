import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { SetBack } from '../../../src/sweeper/observed-time/set-back.ts';
import { sweeperTables } from '../../../src/sweeper/tables.ts';
import { instants, mark } from '../../support/mark.ts';
import { BEAT_MS, ClockWorld, STUCK_AFTER_MS } from './clock-world.ts';

const HOUR_MS = 3_600_000;
const STEP_MS = 38 * 60_000;

const undo = new AsyncDisposableStack();
let world: ClockWorld;
beforeAll(async () => {
  world = await ClockWorld.start(undo);
});
beforeEach(() => world.begin(2));
afterAll(() => undo.disposeAsync());

describe("the database's clock is set several times within seconds, and no living agent is marked", () => {
  test('set forward again while a daemon still takes back what lay ahead: neither stamps nor gaps of after that go back', async () => {
    const [first, second] = world.daemons as [(typeof world.daemons)[0], (typeof world.daemons)[0]];
    await world.set(-STEP_MS);
    const { nowUs } = await instants(world.database);
    await first.beat.leave();
    await world.set(0);
    await second.beat.leave();
    const living = await world.begun();
    // What a daemon does that left its beat while the clock was behind, and went on only now.
    await new SetBack(world.database.db, sweeperTables(world.database.db)).takeBack(nowUs);
    await world.live(BEAT_MS);
    // Whatever the gaps say: the stamp itself is one of now.
    await world.database.query('DELETE FROM sweeper_gaps');
    await second.sweep();
    expect(await world.stuck()).not.toContain(living);
  });

  test('set back while a sweep goes on: what is heard then is stamped before its horizon, and it marks nothing more', async () => {
    const { nowUs } = await instants(world.database);
    await world.set(-STEP_MS);
    const living = await world.begun();
    const horizonUs = nowUs - STUCK_AFTER_MS * 1000;
    expect(await mark(world.database.db, 'stale', { nowUs, horizonUs })).toEqual([]);
    expect(await world.stuck()).not.toContain(living);
  });

  test('set back and forward again while a sweep goes on: the beat in between takes its lease', async () => {
    const [first] = world.daemons;
    await world.database.query(`UPDATE sweeper_state SET sweep_id = 'under way'`);
    await first!.beat.leave();
    const lease = () => world.database.query('SELECT sweep_id FROM sweeper_state');
    expect(await lease()).toEqual([{ sweep_id: 'under way' }]);
    await world.set(-STEP_MS);
    await first!.beat.leave();
    expect(await lease()).toEqual([{ sweep_id: null }]);
  });

  test.each([
    ['the others leave a beat first', [1, 0]],
    ['it leaves a beat first', [0, 1]],
  ])('forward, behind and right again, while no daemon looks when it is behind; %s', async (_name, order) => {
    await world.set(STEP_MS);
    await world.live(BEAT_MS);
    await world.set(-STEP_MS);
    const living = await world.begun();
    await world.pass(BEAT_MS / 2);
    await world.set(0);
    await world.pass(BEAT_MS / 2);
    for (const index of order) await world.daemons[index]!.beat.leave();
    for (const { sweep } of world.daemons) await sweep();
    expect(await world.stuck()).toEqual([]);
    await world.heartbeat(living);
    await world.live(STUCK_AFTER_MS / 2);
    for (const { sweep } of world.daemons) await sweep();
    expect(await world.stuck()).toEqual([]);
  });

  test('the same with a daemon that starts only now, and with a sweep of a command', async () => {
    await world.set(STEP_MS);
    await world.live(BEAT_MS);
    await world.set(-STEP_MS);
    await world.begun();
    await world.pass(BEAT_MS / 2);
    await world.set(0);
    await world.command();
    await world.restart(0);
    await world.daemons[0]!.sweep();
    await world.command();
    expect(await world.stuck()).toEqual([]);
  });

  test('a command finds it behind the last beat, and takes back no stamp', async () => {
    const living = await world.begun();
    await world.set(-STEP_MS);
    await world.command();
    await world.set(0);
    await world.live(BEAT_MS);
    await world.daemons[0]!.sweep();
    expect(await world.stuck()).not.toContain(living);
  });

  test('a sweep finds it behind, and it is right again before the beat that follows', async () => {
    const [first] = world.daemons;
    await world.set(-STEP_MS);
    const living = await world.begun();
    const sentAtMs = first!.beat.now();
    const { nowUs: databaseUs } = await instants(world.database);
    expect(first!.beat.noticed({ databaseUs, sentAtMs, heardAtMs: first!.beat.now() })).toBe(true);
    await world.set(0);
    await first!.sweep();
    expect(await world.stuck()).not.toContain(living);
  });

  test('nothing but the beat can be recorded: whoever judges after it knows', async () => {
    await world.set(STEP_MS);
    await world.live(BEAT_MS);
    // Further than the jump before, whose gap stays where it is.
    await world.set(-3 * STEP_MS);
    const living = await world.begun();
    await world.set(0);
    await world.database.query('ALTER TABLE sweeper_holds RENAME TO away');
    try {
      await expect(world.daemons[0]!.beat.leave()).rejects.toThrow('sweeper_holds');
    } finally {
      await world.database.query('ALTER TABLE away RENAME TO sweeper_holds');
    }
    await world.restart(1);
    await world.daemons[1]!.sweep();
    expect(await world.stuck()).not.toContain(living);
  });
});

test('a deadline that a jump moved stays moved when the clock is set back in part', async () => {
  await world.database.query(`INSERT INTO delegations (delegation_id, caller_id, callee_id, task_preview, deadline)
    VALUES ('young', 'caller', 'callee', 'task', clock_timestamp() + interval '30 seconds')`);
  await world.pass(BEAT_MS);
  await world.set(STEP_MS);
  await world.daemons[0]!.beat.leave();
  await world.set(STEP_MS / 2);
  await world.daemons[0]!.beat.leave();
  expect(await world.daemons[0]!.sweep()).toMatchObject({ failed: 0 });
  await world.live(30_000);
  expect(await world.daemons[0]!.sweep()).toMatchObject({ failed: 1 });
});

test('an agent that was dead before its clock was set back is found one threshold after it', async () => {
  const dead = await world.begun();
  await world.live(STUCK_AFTER_MS / 2);
  await world.set(-HOUR_MS);
  await world.live(STUCK_AFTER_MS - BEAT_MS);
  await world.daemons[0]!.sweep();
  expect(await world.stuck()).toEqual([]);
  await world.live(3 * BEAT_MS);
  await world.daemons[0]!.sweep();
  expect(await world.stuck()).toEqual([dead]);
});
