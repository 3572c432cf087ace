import { expect, test } from '@jest/globals';
import { type StatusAnswer, statusWords } from '../../src/cli/status-words.ts';

const at = (time: string) => new Date(`2026-07-28T${time}Z`);
const DAY_MS = 86_400_000;

const answer: StatusAnswer = {
  sweeping: false,
  database: 'db:5432/led\x1b[31mger, schema public',
  census: {
    at: at('12:00:00'),
    byStatus: { queued: 1 },
    capped: false,
    silence: [],
    waiting: 3,
    longestWaitMs: 2 * 3_600_000,
    ownThreshold: 4,
  },
  webhook: { waiting: 3, oldestMs: 7_200_000, dead: 1, lastDeliveredAt: null },
  read: {
    now: at('12:00:00'),
    sweptAt: at('09:00:00'),
    nextAt: at('12:01:00'),
    dueSince: at('11:57:00'),
    skewMs: 0,
    beatAt: null,
    stuckAfterMs: 600_000,
    storm: { state: 'held', since: at('11:45:00'), until: at('12:15:00') },
    hold: {
      by: 'operator',
      reason: 'moving \x1b[31mracks',
      since: at('11:30:00'),
      until: at('13:00:00'),
      madeBy: 'ana',
      madeRole: 'sweeper',
    },
    operatorHolds: [],
    lastSweep: null,
    day: {
      sweeps: 1,
      stuck: 2,
      stalled: 1,
      failed: 0,
      retried: 0,
      lateResults: 1,
      unobservedMs: 90_000,
      falsePositiveRatio: 0.5,
    },
    oldest: { silenceMs: 817_225_811, allowedMs: 7_200_000, overdueMs: 3 * DAY_MS + 4 * 3_600_000 },
  },
};

test('a piped answer has instants and the time until then; durations are in human units', () => {
  const text = statusWords(answer, { terminal: false });
  expect(text).toMatch(/^sweeping +no: three ticks have passed/m);
  expect(text).toMatch(/^webhook +3 not delivered yet, the oldest for 2 h; 1 dead letter: see `webhook list`$/m);
  expect(text).toMatch(/^last sweep +3 h ago$/m);
  expect(text).toMatch(/^next sweep +2026-07-28T12:01:00.000Z, in 1 min$/m);
  expect(text).toMatch(/^storm +held until 2026-07-28T12:15:00.000Z: nothing is marked stuck$/m);
  expect(text).toMatch(
    /^operator hold +held until 2026-07-28T13:00:00.000Z, by ana for 30 min: moving \\x1b\[31mracks$/m,
  );
  expect(text).toMatch(/^longest silence +9 d 11 h, 2 h allowed$/m);
  expect(text).toMatch(/^waiting +3, the longest for 2 h$/m);
  expect(text).toMatch(/^own thresholds +4$/m);
  expect(text).toMatch(/^last day +1 sweeps, 2 marked stuck \(1 without progress\), 0 failed$/m);
  expect(text).toMatch(/^most overdue +3 d 4 h$/m);
  expect(text).toMatch(/^unobserved +1 min 30 s in the last day$/m);
  expect(text).toMatch(/^false positives +1 still delivered a result: 50%$/m);
});

test('what was tried again in the last day is named', () => {
  const day = { ...answer.read.day, retried: 2 };
  const text = statusWords({ ...answer, read: { ...answer.read, day } }, { terminal: false });
  expect(text).toMatch(/^last day +1 sweeps, 2 marked stuck \(1 without progress, 2 tried again\), 0 failed$/m);
});

test('a terminal gets ages in place of instants', () => {
  const text = statusWords(answer, { terminal: true });
  expect(text).not.toContain('2026-07-28T');
  expect(text).toMatch(/^next sweep +in 1 min$/m);
  expect(text).toContain('held for another 15 min');
  expect(text).toContain('held for another 1 h, by ana for 30 min');
});

test('no control sequence from the database reaches the terminal', () => {
  expect(statusWords(answer, { terminal: false })).toMatch(/^database +db:5432\/led\\x1b\[31mger, schema public$/m);
});
