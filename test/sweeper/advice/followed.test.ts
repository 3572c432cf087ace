import { describe, expect, test } from '@jest/globals';
import { afterSight, type Followed, type Reading, type Sight } from '../../../src/sweeper/advice/followed.ts';
import type { Gap } from '../../../src/sweeper/horizon.ts';

const US = 1_000_000;

const followed = (over: Partial<Followed> = {}): Followed => ({
  delegationId: 'd',
  calleeId: 'c',
  ownMs: null,
  enteredUs: 0,
  stampUs: 100 * US,
  heardUs: 100 * US,
  waitingSinceUs: null,
  longestUs: 0,
  ...over,
});

const sight = (over: Partial<Sight> = {}): Sight => ({
  status: 'in_progress',
  stampUs: 100 * US,
  waitingSinceUs: null,
  waitingUntilUs: null,
  finishedUs: null,
  ...over,
});

const reading = (over: Partial<Reading> = {}): Reading => ({
  nowUs: 1000 * US,
  readUs: 990 * US,
  gaps: [],
  isInterrupted: false,
  ...over,
});

const seconds = (us: readonly number[]) => us.map((each) => each / US);
const gap = (from: number, until: number): Gap => ({ startUs: from * US, endUs: until * US, kind: 'unwatched' });

describe('a gap is the time between two signs of life', () => {
  test('two heartbeats', () => {
    const step = afterSight(followed(), sight({ stampUs: 140 * US }), reading());
    expect(seconds(step.gapsUs)).toEqual([40]);
    expect(step.followed).toMatchObject({ heardUs: 140 * US, stampUs: 140 * US, longestUs: 40 * US });
  });

  test('none without a new one, and the longest remains', () => {
    const step = afterSight(followed({ longestUs: 7 * US }), sight(), reading());
    expect(step).toMatchObject({ gapsUs: [], followed: { longestUs: 7 * US } });
  });

  test('a heartbeat and the completion', () => {
    const done = sight({ status: 'completed', stampUs: 140 * US, finishedUs: 170 * US });
    expect(seconds(afterSight(followed(), done, reading()).gapsUs)).toEqual([40, 30]);
  });

  test.each(['failed', 'stuck'])('not the end as %s, which says nothing about the agent', (status) => {
    const step = afterSight(followed({ longestUs: 5 * US }), sight({ status, finishedUs: 900 * US }), reading());
    expect(step).toMatchObject({ gapsUs: [], followed: { longestUs: 5 * US } });
  });

  test('not one that the clock, set back, turned round', () => {
    const step = afterSight(followed(), sight({ stampUs: 40 * US }), reading());
    expect(step).toMatchObject({ gapsUs: [], followed: { heardUs: 40 * US } });
  });
});

describe('unobserved time is nobody’s silence', () => {
  test('it is taken off, as far as it lies between the signs of life', () => {
    const seen = reading({ gaps: [gap(110, 130), gap(135, 150)] });
    expect(seconds(afterSight(followed(), sight({ stampUs: 140 * US }), seen).gapsUs)).toEqual([15]);
  });
});

describe('a wait is no gap', () => {
  const waiting = { waitingSinceUs: 120 * US, waitingUntilUs: 500 * US };

  test('the silence before it counts, and then nothing until it passes', () => {
    const begun = afterSight(followed(), sight(waiting), reading());
    expect(seconds(begun.gapsUs)).toEqual([20]);
    const during = afterSight(begun.followed, sight({ ...waiting, stampUs: 300 * US }), reading());
    expect(during.gapsUs).toEqual([]);
    const later = afterSight(during.followed, sight({ ...waiting, stampUs: 530 * US }), reading());
    expect(seconds(later.gapsUs)).toEqual([30]);
  });

  test('nor when it is resumed early, or ended by the completion', () => {
    const begun = afterSight(followed(), sight(waiting), reading()).followed;
    const resumed = afterSight(begun, sight({ stampUs: 200 * US }), reading());
    expect(resumed).toMatchObject({ gapsUs: [], followed: { heardUs: 200 * US, waitingSinceUs: null } });
    const done = sight({ status: 'completed', finishedUs: 300 * US });
    expect(afterSight(begun, done, reading()).gapsUs).toEqual([]);
  });

  test('a second wait after the first has passed', () => {
    const begun = afterSight(followed(), sight(waiting), reading()).followed;
    const again = sight({ waitingSinceUs: 520 * US, waitingUntilUs: 700 * US });
    expect(seconds(afterSight(begun, again, reading()).gapsUs)).toEqual([20]);
  });
});

describe('after an interruption of the readings', () => {
  test('only the silence that is certain counts, and it is no gap', () => {
    const seen = reading({ readUs: 130 * US, isInterrupted: true });
    const step = afterSight(followed(), sight({ stampUs: 400 * US }), seen);
    expect(step.gapsUs).toEqual([]);
    expect(step.followed).toMatchObject({ longestUs: 30 * US, heardUs: 400 * US });
  });

  test('one that has not been heard since goes on as if there had been none', () => {
    const step = afterSight(followed(), sight(), reading({ readUs: 130 * US, isInterrupted: true }));
    expect(seconds(afterSight(step.followed, sight({ stampUs: 400 * US }), reading()).gapsUs)).toEqual([300]);
  });
});
