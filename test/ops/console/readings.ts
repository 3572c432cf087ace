import type { Listing } from '../../../src/ops/console/listed.ts';
import type { Ending } from '../../../src/sweeper/explanation/ending.ts';
import type { Explanation } from '../../../src/sweeper/explanation/explanation.ts';
import type { TimelineEntry } from '../../../src/sweeper/explanation/timeline.ts';

export const now = new Date('2026-07-28T12:03:21.000Z');
const ago = (seconds: number) => new Date(now.getTime() - seconds * 1_000);
const isoAgo = (seconds: number) => ago(seconds).toISOString();

export const stuckId = '0198a4c2-7f30-7c41-9e0d-3b5a6f2c81d0';
const retryId = '0198a4cc-10c1-7aa9-8a11-77b0cf0f51aa';
export const firstId = '0198a4b0-0a11-7d02-b3c8-0f4d1c77e2b9';

export const listing: Listing = {
  now,
  next: 'WzE3ODUyMjU3MzAwMDAwMDAsImEiXQ',
  rows: Array.from({ length: 12 }, (_, i) => {
    const status = ['in_progress', 'stuck', 'completed', 'failed', 'queued', 'in_progress'][i % 6]!;
    const isOpen = status === 'in_progress' || status === 'queued';
    return {
      delegationId: i === 1 ? stuckId : `0198a4c${(12 - i).toString(16)}-5e2b-7b14-a0c7-9d21f07be4${10 + i}`,
      callerId: i === 4 ? 'orchestrator-of-the-night-shift-in-eu-west-1' : 'orchestrator',
      calleeId: ['browser-agent', 'browser-agent', 'researcher', 'coder'][i % 4]!,
      status,
      attempt: i === 1 ? 2 : 1,
      createdAt: ago(60 + i * 4_000),
      lastHeartbeat: status === 'queued' ? null : ago(i === 1 ? 700 : 20 + i * 3_900),
      waitingUntil: i === 5 ? ago(-7_200) : null,
      deadline: ago(60 + i * 4_000 - 21_600),
      finishedAt: isOpen ? null : ago(40 + i * 3_800),
    };
  }),
};

function entry(
  id: number,
  seconds: number,
  event: TimelineEntry['event'],
  more: Partial<TimelineEntry>,
): TimelineEntry {
  return {
    activityId: id,
    at: isoAgo(seconds),
    sinceBeforeMs: null,
    event,
    fromStatus: null,
    toStatus: null,
    actor: 'ledger',
    detail: {},
    hasRequestBody: false,
    hasResponseBody: false,
    ...more,
  };
}

const ending: Ending = {
  status: 'stuck',
  at: isoAgo(96),
  actor: 'sweeper',
  mark: {
    sweepId: '5f0c1d2e-6a0b-4f3b-9a53-0f4c2f9a1d77',
    rule: 'stale',
    fromStatus: 'in_progress',
    latenessMs: 754_000,
    allowedMs: 600_000,
    lastHeartbeat: isoAgo(850),
    deadline: isoAgo(-20_000),
    progress: 'page 3 of 12',
    progressAt: isoAgo(880),
    notCounted: [{ start: isoAgo(520), end: isoAgo(370), kind: 'unwatched', isOpen: false, ms: 150_000 }],
    probe: { outcome: 'no_answer', reason: 'timeout' },
  },
  lateResults: [
    {
      at: isoAgo(30),
      afterMs: 66_000,
      status: 'completed',
      actor: 'browser-agent',
      resultPreview: null,
      errorDetail: null,
    },
  ],
  lateResultsCutShort: false,
  retriedAs: retryId,
};

/** A delegation that a sweep marked: silent, asked in vain, tried again, and its result came late. */
export const stuck: Explanation = {
  now: now.toISOString(),
  why: 'stuck since 12:01:45: it was not heard for 12 min 34 s (2 min 30 s of it, which no daemon observed, did not count), and 10 min was allowed (STUCK_AFTER); a result (completed) came 1 min 6 s after that.',
  next: 'Nothing: stuck is final.',
  delegation: {
    delegationId: stuckId,
    callerId: 'orchestrator',
    calleeId: 'browser-agent',
    status: 'stuck',
    createdAt: isoAgo(1_600),
    updatedAt: isoAgo(96),
    finishedAt: isoAgo(96),
    lastHeartbeat: isoAgo(850),
    deadline: isoAgo(-20_000),
    stuckAfterMs: null,
    stalledAfterMs: null,
    waitingSince: null,
    waitingUntil: null,
    waitingReason: null,
    progress: 'page 3 of 12',
    progressAt: isoAgo(880),
    retryOf: firstId,
    attempt: 2,
    startAfter: null,
    idempotencyKey: 'order-4711',
    traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
    previews: null,
  },
  verdict: null,
  nextSweep: null,
  ending,
  timeline: {
    first: [
      entry(1, 1_600, 'delegation.queued', { toStatus: 'queued', actor: 'orchestrator', hasRequestBody: true }),
      entry(2, 1_590, 'delegation.dispatched', { sinceBeforeMs: 10_000, fromStatus: 'queued', toStatus: 'dispatched' }),
      entry(3, 1_588, 'delegation.in_progress', {
        sinceBeforeMs: 2_000,
        fromStatus: 'dispatched',
        toStatus: 'in_progress',
        actor: 'browser-agent',
      }),
      entry(4, 96, 'delegation.stuck', {
        sinceBeforeMs: 1_492_000,
        fromStatus: 'in_progress',
        toStatus: 'stuck',
        actor: 'sweeper',
        detail: { rule: 'stale', silentMs: 754_000, stuckAfterMs: 600_000, probe: 'no_answer' },
      }),
      entry(5, 30, 'delegation.late_result', {
        sinceBeforeMs: 66_000,
        actor: 'browser-agent',
        detail: { status: 'completed' },
        hasResponseBody: true,
      }),
    ],
    leftOut: 0,
    leftOutIsCapped: false,
    last: [],
  },
  activityIsGone: false,
  attempts: [
    {
      delegationId: firstId,
      retryOf: null,
      retryOfIsGone: false,
      startAfter: null,
      attempt: 1,
      status: 'failed',
      calleeId: 'browser-agent',
      createdAt: isoAgo(9_000),
      finishedAt: isoAgo(1_700),
      isThis: false,
    },
    {
      delegationId: stuckId,
      retryOf: firstId,
      retryOfIsGone: false,
      startAfter: null,
      attempt: 2,
      status: 'stuck',
      calleeId: 'browser-agent',
      createdAt: isoAgo(1_600),
      finishedAt: isoAgo(96),
      isThis: true,
    },
    {
      delegationId: retryId,
      retryOf: stuckId,
      retryOfIsGone: false,
      startAfter: null,
      attempt: 3,
      status: 'in_progress',
      calleeId: 'browser-agent',
      createdAt: isoAgo(80),
      finishedAt: null,
      isThis: false,
    },
  ],
  a2aTask: {
    agentUrl: 'https://agents.example.com/browser',
    tenant: null,
    taskId: 'task-81',
    contextId: 'context-9',
    createdAt: isoAgo(1_588),
    probe: { isEnabled: true, refusal: null, lastAnswer: { at: isoAgo(97), outcome: 'no_answer' }, asksAt: null },
  },
};

/** One that is open, silent, and held by the storm guard. */
export const silent: Explanation = {
  ...stuck,
  why: 'in progress: last heard 14 min 10 s ago (a heartbeat, 11:49:11); 2 min 30 s of that does not count, and 10 min is allowed (its own threshold).',
  next: 'A sweep would mark it stuck, but the storm guard holds until 12:15 UTC.',
  delegation: {
    ...stuck.delegation,
    status: 'in_progress',
    finishedAt: null,
    attempt: 1,
    retryOf: null,
    stuckAfterMs: 600_000,
    stalledAfterMs: 1_800_000,
  },
  ending: null,
  attempts: [{ ...stuck.attempts[1]!, status: 'in_progress', finishedAt: null, attempt: 1 }],
  verdict: {
    rule: 'stale',
    due: [
      { rule: 'stale', at: isoAgo(100), isPassed: true },
      { rule: 'overdue', at: isoAgo(-20_000), isPassed: false },
    ],
    silence: {
      heardAt: isoAgo(850),
      heardBy: 'heartbeat',
      wallMs: 850_000,
      notCounted: [
        { start: isoAgo(520), end: isoAgo(370), kind: 'unwatched', isOpen: false, ms: 150_000 },
        { start: isoAgo(0), end: isoAgo(0), kind: 'clock_jump', isOpen: true, ms: 0 },
      ],
      observedMs: 700_000,
      threshold: { ms: 600_000, source: 'own_lowered', lowered: { at: isoAgo(3_600), toMs: 60_000 } },
    },
    progress: {
      text: 'page 3 of 12',
      at: isoAgo(880),
      countsFrom: isoAgo(880),
      observedMs: 730_000,
      stalledAfterMs: 1_800_000,
    },
    waiting: { since: isoAgo(4_000), until: isoAgo(900), reason: 'approval by a person', isOver: true },
    deadline: { at: isoAgo(-20_000), jumpedMs: 60_000, leftMs: 20_060_000 },
    poisoned: { loggedAt: isoAgo(50) },
    lockedBy: {
      pid: 4711,
      user: 'app',
      applicationName: 'planner',
      state: 'idle in transaction',
      transactionAgeMs: 90_000,
    },
  },
  nextSweep: {
    actionNow: 'hold',
    action: 'mark_stuck',
    at: isoAgo(-720),
    by: 'tick',
    isRetried: false,
    tickAt: isoAgo(-39),
    daemons: 2,
    sweptAt: isoAgo(21),
    isSweeping: true,
    budget: { ahead: 12, allowed: 100_000 },
    storm: {
      state: 'held',
      since: isoAgo(900),
      until: isoAgo(-720),
      signs: { stale: 900, silent: 1_200, inFlight: 2_000, callees: [{ calleeId: 'browser-agent', count: 700 }] },
    },
    hold: { by: 'ada', reason: 'network maintenance', since: isoAgo(300), until: isoAgo(-3_000) },
    refusal: { reason: 'rows_hidden', remedy: 'grant the role BYPASSRLS' },
  },
};

/** What an unknown id has where no retention ever removed anything. */
export const neverRemoved = { removedBefore: null, retriedAs: null } as const;
