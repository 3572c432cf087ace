import type { CalleeAdvice } from '../../src/sweeper/advice/advice.ts';
import type { Advice } from '../../src/sweeper/advice/advisor.ts';
import type { Census } from '../../src/sweeper/status/census.ts';
import type { History } from '../../src/sweeper/status/history.ts';
import type { Status } from '../../src/sweeper/status/status.ts';
import type { Undelivered } from '../../src/webhook/undelivered.ts';

export const now = new Date('2026-07-28T12:03:21Z');
const before = (ms: number) => new Date(now.getTime() - ms);

/** An id that would be markup if it were not escaped. */
export const hostileId = '"><img src=x onerror=alert(1)>';

export const census: Census = {
  at: before(2_000),
  byStatus: { queued: 214, dispatched: 61, in_progress: 3_902 },
  capped: false,
  silence: [2_730, 702, 241, 110, 62, 31, 14, 8, 3, 1, 0],
  waiting: 0,
  longestWaitMs: null,
  ownThreshold: 0,
};

/** The same on every run. */
function noise(i: number): number {
  return (Math.sin(i * 12.9898) * 43_758.5453) % 1;
}

const quarterMs = 900_000;
const quarter = new Date(Math.floor(now.getTime() / quarterMs) * quarterMs);
const callees = ['researcher', 'browser-agent', 'coder', 'summarizer', hostileId];

export const history: History = {
  bins: Array.from({ length: 96 }, (_, i) => 95 - i)
    .filter((i) => i < 40 || i > 43)
    .map((i) => ({
      at: new Date(quarter.getTime() - i * quarterMs),
      sweeps: 15,
      stuck: i === 20 ? 34 : i === 21 ? 21 : Math.max(0, Math.round(noise(i) * 5)),
      failed: Math.max(0, Math.round(noise(i + 7) * 3)),
      durationMaxMs: 8 + Math.abs(noise(i + 3)) * 14 + (i === 20 ? 60 : 0),
      held: i === 21,
    })),
  marks: Array.from({ length: 10 }, (_, i) => ({
    at: before(21_000 + Math.floor(i / 2) * 420_000),
    delegationId: `0198a4c2-7f3${i}-7c41-9e0d-3b5a6f2c81d${i}`,
    callerId: i === 4 ? 'orchestrator-of-the-night-shift-in-eu-west-1' : 'orchestrator',
    calleeId: callees[i % callees.length]!,
    rule: i % 4 === 3 ? ('overdue' as const) : ('stale' as const),
    fromStatus: i % 4 === 3 ? 'dispatched' : 'in_progress',
    latenessMs: i % 4 === 3 ? 18_400 : 601_000 + i * 5_300,
    stuckAfterMs: 600_000,
    probe: i === 1 ? 'no_answer' : null,
  })),
  callees: [71, 43, 29, 18, 8].map((count, i) => ({ calleeId: callees[i]!, count })),
  gaps: [{ start: new Date(quarter.getTime() - 43 * quarterMs), end: new Date(quarter.getTime() - 39 * quarterMs) }],
};

function marked(what: 'sweeps' | 'stuck' | 'failed'): number {
  return history.bins.reduce((sum, bin) => sum + bin[what], 0);
}

export const status: Status = {
  now,
  sweptAt: before(21_000),
  nextAt: new Date('2026-07-28T12:04:00Z'),
  dueSince: new Date('2026-07-28T12:01:00Z'),
  skewMs: 3,
  beatAt: before(4_000),
  stuckAfterMs: 600_000,
  storm: { state: 'calm', since: null, until: null },
  hold: null,
  operatorHolds: [],
  lastSweep: {
    startedAt: before(21_000),
    trigger: 'cron',
    stuck: 2,
    failed: 0,
    poisoned: 0,
    truncated: false,
    held: false,
    unobservedMs: 0,
    remaining: 0,
    durationMs: 9,
  },
  day: {
    sweeps: marked('sweeps'),
    stuck: marked('stuck'),
    stalled: 0,
    retried: 0,
    failed: marked('failed'),
    lateResults: 3,
    falsePositiveRatio: 3 / marked('stuck'),
    unobservedMs: 3_600_000,
  },
  oldest: { silenceMs: 531_000, allowedMs: 600_000, overdueMs: 0 },
};

const known = (over: Partial<CalleeAdvice>): CalleeAdvice => ({
  calleeId: 'researcher',
  verdict: 'could_be_shorter',
  evidence: { delegations: 18_204, started: 61_377, gaps: 404_118, marks: 380, falseMarks: 1 },
  gapMs: 252_000,
  falseMarkShare: 1 / 380,
  detection: { p50Ms: 604_000, p99Ms: 630_000 },
  today: { minMs: 600_000, maxMs: 600_000 },
  threshold: { ms: 480_000, exactMs: 461_000, exceeding: 9, confidence: 0.95 },
  falseShareToday: 0,
  gainMs: 120_000,
  ...over,
});

/** Nothing. */
export const undelivered: Undelivered = { waiting: 0, oldestMs: null, dead: 0, lastDeliveredAt: null };

export const advice: Advice = {
  at: now,
  days: 30,
  stuckAfterMs: 600_000,
  resolutionMs: 10_000,
  delegationsMin: 2_996,
  falseShareMax: 0.001,
  confidence: 0.95,
  calleesKnown: 5,
  callees: [
    known({}),
    known({
      calleeId: 'browser-agent',
      verdict: 'too_tight',
      threshold: { ms: 1_200_000, exactMs: 1_131_000, exceeding: 2.5, confidence: 0.95 },
      evidence: { delegations: 9_410, started: 9_410, gaps: 120_400, marks: 71, falseMarks: 22 },
      falseMarkShare: 22 / 71,
      falseShareToday: 0.0042,
      gainMs: -600_000,
    }),
    known({
      calleeId: 'coder',
      verdict: 'fits',
      threshold: { ms: 600_000, exactMs: 573_000, exceeding: 0, confidence: 0.95 },
      gainMs: 0,
    }),
    known({
      calleeId: hostileId,
      verdict: 'too_little',
      threshold: null,
      evidence: { delegations: 212, started: 212, gaps: 3_120, marks: 0, falseMarks: 0 },
      falseMarkShare: null,
      gapMs: null,
      detection: { p50Ms: null, p99Ms: null },
      falseShareToday: null,
      gainMs: null,
    }),
  ],
};
