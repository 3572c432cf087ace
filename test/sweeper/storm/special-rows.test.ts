import { describe, expect, test } from '@jest/globals';
import { seedDelegation, testSweeper } from '../../support/fixtures.ts';
import { type SpecialShape, seedSpecial } from '../../support/seed-special.ts';
import { useDatabase } from '../../support/use-database.ts';

const database = useDatabase({ per: 'test' });
const storm = { minStale: 20, ratio: 0.5, maxHoldMs: 1_800_000 };
const newSweeper = (options = {}) => testSweeper(database.db, { storm, ...options });
const sweep = (options = {}) => newSweeper(options).sweeper.sweep({ trigger: 'manual' });

async function seedMany(rows: number, shape: SpecialShape, callees = 10): Promise<void> {
  for (let i = 0; i < rows; i += 1) await seedSpecial(database, { ...shape, calleeId: `callee-${i % callees}` });
}

describe('rows with thresholds of their own that fell silent together', () => {
  test('are held, although they are few among all that are in progress', async () => {
    await seedMany(25, { stuckAfterMs: 5_000, silentSeconds: 6 });
    for (let i = 0; i < 60; i += 1) await seedDelegation(database, { calleeId: `plain-${i}` });
    const { sweeper, events } = newSweeper();
    expect(await sweeper.sweep({ trigger: 'manual' })).toMatchObject({ stuck: 0, held: true, remaining: 25 });
    expect(events('sweep.held')).toMatchObject([{ stale: 25, inFlight: 85, callees: { length: 5 } }]);
    expect(await sweeper.dryRun()).toMatchObject({ stuck: 0, held: true, remaining: 25 });
    expect(await sweeper.dryRun({ force: true })).toMatchObject({ stuck: 25, held: false, remaining: 0 });
    // Most are heard again: the sweep sees them, and waits for the others.
    await database.query(`UPDATE delegations SET last_heartbeat = clock_timestamp(), suspect_at = clock_timestamp() + interval '5 s'
      WHERE delegation_id IN (SELECT delegation_id FROM delegations WHERE stuck_after_ms IS NOT NULL LIMIT 20)`);
    expect(await sweeper.sweep({ trigger: 'manual' })).toMatchObject({ stuck: 0, held: true });
    expect(await database.query('SELECT storm_came_back::int AS n FROM sweeper_state')).toEqual([{ n: 20 }]);
  });

  test('are marked when they are of one callee, or fewer than STORM_MIN_STALE', async () => {
    await seedMany(25, { stuckAfterMs: 5_000, silentSeconds: 6 }, 1);
    expect(await sweep()).toMatchObject({ stuck: 25, held: false });
    await seedMany(15, { stuckAfterMs: 5_000, silentSeconds: 6 });
    expect(await sweep()).toMatchObject({ stuck: 15, held: false });
  });

  test('are marked when most of their kind are heard', async () => {
    await seedMany(25, { stuckAfterMs: 60_000, silentSeconds: 70 });
    for (let i = 0; i < 40; i += 1)
      await seedSpecial(database, { stuckAfterMs: 60_000, silentSeconds: i, calleeId: `callee-${i}` });
    expect(await sweep()).toMatchObject({ stuck: 25, held: false });
  });

  test('do not count while they wait', async () => {
    await seedMany(100, { silentSeconds: 9_000, waitingForSeconds: 600 });
    await seedMany(25, { stuckAfterMs: 5_000, silentSeconds: 6 });
    const { sweeper, events } = newSweeper();
    expect(await sweeper.sweep({ trigger: 'manual' })).toMatchObject({ held: true });
    expect(events('sweep.held')).toMatchObject([{ stale: 25, inFlight: 25 }]);
  });
});

describe('rows without progress', () => {
  const stalled = { stalledAfterMs: 60_000, enteredSeconds: 90 };

  test('are marked at once when each was heard since it came due: it is not cut off', async () => {
    await seedMany(30, { ...stalled, silentSeconds: 5 });
    expect(await sweep()).toMatchObject({ stuck: 30, held: false, remaining: 0 });
  });

  test('are given STORM_MAX_HOLD to be heard when so many may be cut off that it would be a storm', async () => {
    await seedMany(30, { ...stalled, silentSeconds: 60 });
    const { sweeper } = newSweeper();
    expect(await sweeper.sweep({ trigger: 'manual' })).toMatchObject({ stuck: 0, held: false, remaining: 30 });
    expect(await sweeper.dryRun()).toMatchObject({ stuck: 0, remaining: 30 });
    expect(await sweeper.dryRun({ force: true })).toMatchObject({ stuck: 30, remaining: 0 });
    expect(await sweep({ storm: { ...storm, maxHoldMs: 20_000 } })).toMatchObject({ stuck: 30 });
  });

  test('are marked at once when they are fewer, of one callee, or the guard is off', async () => {
    await seedMany(19, { ...stalled, silentSeconds: 60 });
    expect(await sweep()).toMatchObject({ stuck: 19 });
    await seedMany(30, { ...stalled, silentSeconds: 60 }, 1);
    expect(await sweep()).toMatchObject({ stuck: 30 });
    await seedMany(30, { ...stalled, silentSeconds: 60 });
    expect(await sweep({ storm: { ...storm, ratio: 0 } })).toMatchObject({ stuck: 30 });
  });

  test('are held with the silent ones while the guard holds', async () => {
    await seedMany(30, { stuckAfterMs: 5_000, silentSeconds: 6 });
    await seedMany(3, { ...stalled, silentSeconds: 1 });
    expect(await sweep()).toMatchObject({ stuck: 0, held: true, remaining: 33, truncated: false });
  });
});
