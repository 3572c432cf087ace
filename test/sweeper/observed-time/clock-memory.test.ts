import { describe, expect, test } from '@jest/globals';
import { ClockMemory, forwardUsTo, seenWith, setBackBefore } from '../../../src/sweeper/observed-time/clock-memory.ts';
import type { ClockReading } from '../../../src/sweeper/observed-time/clock-watch.ts';

const SECOND_US = 1_000_000;
const startUs = 1_790_000_000_000_000;
/** At a second of true time, by a clock that is ahead by so many. */
const at = (second: number, ahead = 0): ClockReading => ({
  databaseUs: startUs + (second + ahead) * SECOND_US,
  sentAtMs: second * 1000,
  heardAtMs: second * 1000,
});

function memory(...readings: readonly ClockReading[]): ClockMemory {
  const clock = new ClockMemory();
  clock.recorded(clock.seen, at(0));
  for (const reading of readings) clock.note(reading);
  return clock;
}

describe('what a process remembers of the database’s clock until a beat records it', () => {
  test('nothing, while it goes as the process’s own does, and before the first beat', () => {
    expect(memory().note(at(10))).toBe(false);
    expect(new ClockMemory().note(at(10, 3600))).toBe(false);
    expect(setBackBefore(new ClockMemory().seen, 0)).toBeNull();
  });

  test.each([
    ['set back', [at(1, -50)], at(2, -50), 50, 0],
    ['set back, and right again before the beat', [at(1, -50)], at(2), 50, 50],
    ['set forward, and right again', [at(1, 50)], at(2), 50, 0],
    ['set forward', [at(1, 50)], at(2, 50), 0, 50],
    ['set forward twice', [at(1, 50), at(2, 90)], at(3, 90), 0, 90],
    ['set forward, behind and right again', [at(1, 50), at(2, -20)], at(3), 70, 20],
    ['right, but the beat finds it behind', [at(1)], at(2, -20), 20, 0],
  ])('%s', (_name, noted, beat, back, forward) => {
    const { seen } = memory(...noted);
    const after = seenWith(seen, beat);
    expect(after.backUs).toBe(back * SECOND_US);
    expect(forwardUsTo(after, beat)).toBe(forward * SECOND_US);
  });

  test('a beat forgets what it recorded, not what was noted while it was under way', () => {
    const clock = memory(at(1, -50));
    clock.recorded(clock.seen, at(2, -50));
    expect(clock.note(at(3, -50))).toBe(false);
    const { seen } = clock;
    clock.note(at(4, -90));
    clock.recorded(seen, at(5, -50));
    expect(clock.seen.backUs).toBe(40 * SECOND_US);
  });

  test('a statement finds the clock set back exactly when it shows less than has passed, but for a second', () => {
    expect(setBackBefore(memory().seen, 10_000)).toBe(startUs + 9 * SECOND_US);
    expect(setBackBefore(memory(at(1, 50)).seen, 10_000)).toBe(startUs + 59 * SECOND_US);
  });
});
