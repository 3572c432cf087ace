import { expect, test } from '@jest/globals';
import {
  LOOK_EVERY_MS,
  type Look,
  nextStep,
  PATIENCE_LOOK_MS,
  SWEEP_EVERY_MS,
  SWEEP_PATIENCE_MAX_MS,
  SWEEP_PATIENCE_MS,
  TICK_PATIENCE_MS,
} from '../../../src/sweeper/on-time/next-step.ts';

const MS = 1000;
const NOW_US = 1_700_000_000_000_000;
const look = (change: Partial<Look> = {}): Look => ({
  nowUs: NOW_US,
  judgedAtUs: NOW_US - 60_000 * MS,
  judgedForMs: 50,
  leaseId: 'sweep',
  isRecorded: true,
  isBetweenTicks: true,
  isLeftToTicks: false,
  isEmpty: false,
  dueUs: NOW_US - 1,
  ...change,
});
const sweep = { kind: 'sweep' };
const wait = (ms: number) => ({ kind: 'wait', ms });

test('what has come due is swept', () => {
  expect(nextStep(look(), 0)).toEqual(sweep);
});

test('exactly at the threshold is not due yet', () => {
  expect(nextStep(look({ dueUs: NOW_US }), 0)).toEqual(wait(1));
});

test('the next look waits for what comes due soon', () => {
  expect(nextStep(look({ dueUs: NOW_US + 700 * MS }), 0)).toEqual(wait(701));
  expect(nextStep(look({ dueUs: NOW_US + 3_600_000 * MS }), 0)).toEqual(wait(LOOK_EVERY_MS));
  expect(nextStep(look({ dueUs: null }), 0)).toEqual(wait(LOOK_EVERY_MS));
});

test('the next sweep comes a second after the last one at the earliest', () => {
  expect(nextStep(look({ judgedAtUs: NOW_US - 400 * MS }), 0)).toEqual(wait(600));
  expect(nextStep(look({ judgedAtUs: NOW_US - SWEEP_EVERY_MS * MS }), 0)).toEqual(sweep);
});

test('nothing is swept before the first sweep, while the guard holds, or where silence cannot be judged', () => {
  expect(nextStep(look({ judgedAtUs: null }), 0)).toEqual(wait(LOOK_EVERY_MS));
  expect(nextStep(look({ isLeftToTicks: true }), 0)).toEqual(wait(LOOK_EVERY_MS));
});

test('it waits for a sweep under way, but not for one whose daemon has died', () => {
  expect(nextStep(look({ isRecorded: false }), 0)).toEqual(wait(PATIENCE_LOOK_MS));
  expect(nextStep(look({ isRecorded: false }), SWEEP_PATIENCE_MS - 1)).toEqual(wait(PATIENCE_LOOK_MS));
  expect(nextStep(look({ isRecorded: false }), SWEEP_PATIENCE_MS)).toEqual(sweep);
});

test('it takes the lease from no tick that is merely long, or the daemons would count as not sweeping', () => {
  const tick = look({ isRecorded: false, isBetweenTicks: false });
  expect(nextStep(tick, TICK_PATIENCE_MS - 1)).toEqual(wait(PATIENCE_LOOK_MS));
  expect(nextStep(tick, TICK_PATIENCE_MS)).toEqual(sweep);
});

test('for longer where sweeps take long', () => {
  const slow = look({ isRecorded: false, judgedForMs: 1_000 });
  expect(nextStep(slow, 1_999)).toEqual(wait(PATIENCE_LOOK_MS));
  expect(nextStep(slow, 2_000)).toEqual(sweep);
  expect(nextStep(look({ isRecorded: false, judgedForMs: 3_600_000 }), SWEEP_PATIENCE_MAX_MS)).toEqual(sweep);
});
