import { describe, expect, test } from '@jest/globals';
import { UPKEEP_EVERY_MS } from '../../../src/sweeper/schedule/schedule.ts';
import {
  awaitNext,
  GRACE_MS,
  GRACE_OF_MANY_MS,
  hasJumpedForward,
  latenessMs,
  withGrace,
} from '../../../src/sweeper/schedule/tick-watch.ts';

const minutely = { expression: '* * * * *', timezone: 'UTC' };
const nowMs = Date.UTC(2026, 0, 1, 12, 0, 10);
const HOUR_MS = 3_600_000;

function reading(at: number, sweepId = 's-1') {
  return { nowMs: at, sweepId, active: false, scheduled: true, ahead: false };
}

/** A check `afterMs` later by the process's clock, at which the database's clock differs from that by `clockMs`. */
function lateness(afterMs: number, { clockMs = 0, sweepId = 's-1', cron = minutely } = {}): number {
  return latenessMs(awaitNext(cron, reading(nowMs), 0), reading(nowMs + afterMs + clockMs, sweepId), afterMs);
}

describe('a sweep that does not come', () => {
  const dueMs = 50_000;

  test('is late when its occurrence and the time that a tick may take have passed, and not a millisecond before', () => {
    expect(lateness(dueMs)).toBe(0);
    expect(lateness(dueMs + GRACE_MS)).toBe(0);
    expect(lateness(dueMs + GRACE_MS + 1)).toBe(GRACE_MS + 1);
  });

  test('is found late within thirty seconds, by the next check', () => {
    expect(GRACE_MS + UPKEEP_EVERY_MS).toBeLessThanOrEqual(30_000);
  });

  test('is late by the clock of the process when the one of the database was set back', () => {
    for (const clockMs of [-1_000, -300_000, -HOUR_MS, -24 * HOUR_MS]) {
      expect(lateness(dueMs + GRACE_MS + 1, { clockMs })).toBe(GRACE_MS + 1);
      expect(lateness(dueMs, { clockMs })).toBe(0);
    }
  });

  test('is late by the clock of the database when that jumped over the occurrence, or the host was suspended', () => {
    const hourly = { expression: '0 * * * *', timezone: 'UTC' };
    expect(lateness(10_000, { cron: hourly })).toBe(0);
    // From 12:00:10 to 13:00:20: past 13:00 by the grace, and a second later by more.
    expect(lateness(10_000, { cron: hourly, clockMs: HOUR_MS })).toBe(0);
    expect(lateness(11_000, { cron: hourly, clockMs: HOUR_MS })).toBe(GRACE_MS + 1_000);
  });

  test('is not missed when any sweep began, by any replica', () => {
    expect(lateness(10 * HOUR_MS, { sweepId: 's-2' })).toBe(0);
  });

  test('has its whole time again after the database was away', () => {
    const awaited = withGrace(awaitNext(minutely, reading(nowMs), 0), HOUR_MS, GRACE_MS);
    expect(latenessMs(awaited, reading(nowMs + HOUR_MS), HOUR_MS)).toBe(0);
    const afterMs = HOUR_MS + GRACE_MS;
    expect(latenessMs(awaited, reading(nowMs + afterMs), afterMs)).toBe(afterMs - dueMs);
  });
});

test('a jump of the database’s clock is larger than a slow answer explains, and only forward', () => {
  const look = (seenAtMs: number, clockMs = 0) => ({ nowMs: nowMs + seenAtMs + clockMs, seenAtMs });
  expect(hasJumpedForward(look(0), look(10_000))).toBe(false);
  expect(hasJumpedForward(look(0), look(HOUR_MS))).toBe(false);
  expect(hasJumpedForward(look(0), look(10_000, 5_000))).toBe(false);
  expect(hasJumpedForward(look(0), look(10_000, 5_001))).toBe(true);
  expect(hasJumpedForward(look(0), look(10_000, -HOUR_MS))).toBe(false);
});

test('a longer grace is given where pg-boss looks for ticks less often', () => {
  const awaited = awaitNext(minutely, reading(nowMs), 0);
  const late = (afterMs: number) => latenessMs(awaited, reading(nowMs + afterMs), afterMs, GRACE_OF_MANY_MS);
  expect([late(50_000 + GRACE_OF_MANY_MS), late(50_001 + GRACE_OF_MANY_MS)]).toEqual([0, GRACE_OF_MANY_MS + 1]);
});

test('the next occurrence is the same until it has come, then another one, and one of another schedule by itself', () => {
  const due = (atMs: number, cron = minutely) => awaitNext(cron, reading(atMs), 0).dueMs;
  const nextMs = nowMs + 50_000;
  const hourly = { expression: '0 * * * *', timezone: 'UTC' };
  expect([due(nowMs), due(nextMs - 1), due(nextMs), due(nowMs), due(nowMs, hourly), due(nowMs - 60_000)]).toEqual([
    nextMs,
    nextMs,
    nextMs + 60_000,
    nextMs,
    nextMs + 3_540_000,
    nextMs - 60_000,
  ]);
});

test('the occurrence is computed in the schedule’s zone', () => {
  const berlin = { expression: '0 3 * * *', timezone: 'Europe/Berlin' };
  expect(awaitNext(berlin, reading(Date.UTC(2026, 6, 1, 0, 59)), 0).dueMs).toBe(Date.UTC(2026, 6, 1, 1, 0));
  expect(awaitNext(berlin, reading(Date.UTC(2026, 6, 1, 1, 0)), 0).dueMs).toBe(Date.UTC(2026, 6, 2, 1, 0));
});
