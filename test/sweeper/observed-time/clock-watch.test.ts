import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Gap, GapKind } from '../../../src/sweeper/horizon.ts';
import { type ClockReading, jumpBetween, placeJump } from '../../../src/sweeper/observed-time/clock-watch.ts';

const SECOND_US = 1_000_000;
const startUs = 1_790_000_000_000_000;
/** Seconds since the start of the scenario. */
const at = (seconds: number) => startUs + seconds * SECOND_US;
const reading = (databaseSeconds: number, sentSeconds: number, heardSeconds = sentSeconds): ClockReading => ({
  databaseUs: at(databaseSeconds),
  sentAtMs: sentSeconds * 1000,
  heardAtMs: heardSeconds * 1000,
});
const gap = (from: number, to: number, kind: GapKind = 'unwatched'): Gap => ({
  startUs: at(from),
  endUs: at(to),
  kind,
});

describe('a jump between two readings', () => {
  test.each([
    ['none, when the database and the process count alike', reading(0, 0), reading(10, 10), 0],
    ['none for a second, which slewing may explain', reading(0, 0), reading(11, 10), 0],
    ['an hour forward', reading(0, 0), reading(3610, 10), 3600],
    ['an hour back', reading(0, 0), reading(-3590, 10), -3600],
    ['none, where the answer took as long as the clock says', reading(0, 0), reading(60, 10, 60), 0],
    ['none, where the statement before took so long', reading(0, -50, 0), reading(60, 10), 0],
    ['only what the round trips do not explain', reading(0, 0), reading(100, 10, 40), 60],
    ['five seconds back under a slow answer', reading(0, 0), reading(5, 10, 30), -5],
  ])('%s', (_name, before, after, seconds) => {
    expect(jumpBetween(before, after)).toBe(seconds * SECOND_US);
  });

  test('is never reported when the clock did not jump, however long the statements took', () => {
    const ms = fc.integer({ min: 0, max: 100_000 });
    fc.assert(
      fc.property(ms, ms, ms, ms, ms, (before, after, between, waitA, waitB) => {
        // Read somewhere within each round trip.
        const first = { databaseUs: at(0), sentAtMs: -before, heardAtMs: waitA };
        const second = {
          databaseUs: startUs + (waitA + between + after) * 1000,
          sentAtMs: waitA + between,
          heardAtMs: waitA + between + after + waitB,
        };
        expect(jumpBetween(first, second)).toBe(0);
      }),
    );
  });
});

describe('a forward jump among the gaps', () => {
  const jump = { sinceUs: at(0), nowUs: at(3610), jumpUs: 3600 * SECOND_US, isCertain: false };
  const place = (gaps: readonly Gap[], seen = jump) => placeJump(seen, gaps, 30_000);

  test('replaces the gap without a beat that it looked like', () => {
    const unwatched = gap(0, 3610);
    expect(place([gap(-500, -400), unwatched])).toEqual({ remove: [unwatched], add: [gap(10, 3610, 'clock_jump')] });
  });

  test('leaves the unwatched time before it', () => {
    const unwatched = gap(-60, 3610);
    expect(place([unwatched])).toEqual({ remove: [unwatched], add: [gap(-60, 10), gap(10, 3610, 'clock_jump')] });
  });

  test('is recorded by only one of the daemons that saw it', () => {
    expect(place([gap(5, 3605, 'clock_jump')])).toBeNull();
  });

  test('is recorded by itself when it is too short for a gap', () => {
    const short = { ...jump, nowUs: at(15), jumpUs: 5 * SECOND_US };
    expect(place([], short)).toEqual({ remove: [], add: [gap(10, 15, 'clock_jump')] });
  });

  test('is not recorded where others left beats all the time: this process was suspended', () => {
    expect(place([])).toBeNull();
    expect(place([gap(-50, -10, 'clock_jump'), gap(100, 200)])).toBeNull();
  });

  test('is recorded though nobody found a gap, where the clock had been set back before', () => {
    expect(place([], { ...jump, isCertain: true })).toEqual({ remove: [], add: [gap(10, 3610, 'clock_jump')] });
  });

  test('is known already where a rewound database covers it', () => {
    expect(place([gap(0, 3610, 'rewound')])).toBeNull();
  });
});
