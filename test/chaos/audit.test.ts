import { expect, test } from '@jest/globals';
import { type AuditedActivity, type AuditedRow, audit } from './audit.ts';
import type { DiaryEntry } from './diary.ts';
import { STUCK_AFTER_MS } from './fleet.ts';
import { History } from './history.ts';
import { Outages } from './outages.ts';

const HEARD_AT = Date.UTC(2026, 0, 1);
const iso = (afterMs: number) => new Date(HEARD_AT + afterMs).toISOString();

const row: AuditedRow = {
  id: 'd',
  callee: 'agent',
  key: 'm',
  status: 'stuck',
  resultPreview: null,
  errorDetail: null,
  retryOf: null,
  attempt: 1,
};
const retry: AuditedRow = { ...row, id: 'd+', key: null, status: 'queued', retryOf: 'd', attempt: 2 };
const base = { id: 'd', at: HEARD_AT, actor: 'ledger', fromStatus: null, detail: {}, responseBody: null };
const begun: AuditedActivity = { ...base, event: 'delegation.queued', toStatus: 'queued' };
const inProgress: AuditedActivity = {
  ...base,
  event: 'delegation.in_progress',
  fromStatus: 'queued',
  toStatus: 'in_progress',
};
const ended = (toStatus: 'completed' | 'failed'): AuditedActivity => ({
  ...base,
  event: `delegation.${toStatus}`,
  fromStatus: 'in_progress',
  toStatus,
});
const stuck = (silentMs: number, at = HEARD_AT + silentMs): AuditedActivity => ({
  ...base,
  at,
  event: 'delegation.stuck',
  fromStatus: 'in_progress',
  toStatus: 'stuck',
  actor: 'sweeper',
  detail: { rule: 'stale', lastHeartbeat: iso(0), silentMs },
});
const late: AuditedActivity = {
  ...base,
  event: 'delegation.late_result',
  toStatus: null,
  detail: { attempted: 'completed', resultPreview: 'r' },
  responseBody: { text: 'r' },
};
const heartbeat = (afterMs: number, outcome = 'stamped'): DiaryEntry => ({
  did: 'heartbeat',
  id: 'd',
  askedAt: HEARD_AT + afterMs,
  answeredAt: HEARD_AT + afterMs + 5,
  outcome,
});
const completed = (outcome: string): DiaryEntry => ({
  did: 'setStatus',
  id: 'd',
  to: 'completed',
  text: 'r',
  askedAt: HEARD_AT + 7_000,
  answeredAt: HEARD_AT + 7_001,
  outcome,
});

/** A row that is stuck comes with its retry. */
const withRetry = (rows: AuditedRow[], activities: AuditedActivity[]) =>
  activities.some(({ toStatus }) => toStatus === 'stuck') && rows.length > 0 ? [...rows, retry] : rows;
const queued: AuditedActivity = { ...begun, id: 'd+', actor: 'sweeper' };
/** What happened to d, which began as every delegation does. */
const streamOf = (activities: readonly AuditedActivity[]) => (activities.length > 0 ? [begun, ...activities] : []);

/** Its agent is dead since it was last heard, unless said otherwise. */
const dead = (outages?: Outages) => {
  const history = new History(STUCK_AFTER_MS, outages);
  history.hinder(['agent'], { startAt: HEARD_AT, endAt: Number.POSITIVE_INFINITY });
  return history;
};
const kinds = (activities: AuditedActivity[], diary: DiaryEntry[], history = dead(), rows = [row]) => {
  const all = withRetry(rows, activities);
  const stream = streamOf(activities);
  return audit(all, all === rows ? stream : [...stream, queued], diary, history).findings.map(({ kind }) => kind);
};

test('a justified mark with its late result is clean', () => {
  expect(kinds([inProgress, stuck(6_000), late], [heartbeat(-10), completed('refused')])).toEqual([]);
});

test('a mark within the threshold, or despite an accepted heartbeat, is false', () => {
  expect(kinds([inProgress, stuck(STUCK_AFTER_MS - 100)], [])).toEqual(['falselyMarked']);
  expect(kinds([inProgress, stuck(6_000)], [heartbeat(500)])).toEqual(['falselyMarked']);
  expect(kinds([inProgress, stuck(6_000)], [heartbeat(600, 'fresh')])).toEqual(['falselyMarked']);
  expect(kinds([inProgress, stuck(6_000)], [heartbeat(500, 'failed')])).toEqual([]);
});

const inserted = (stuckAfterMs: number): DiaryEntry => ({
  ...heartbeat(-100),
  did: 'insert',
  outcome: 'inserted',
  deadlineMs: null,
  stuckAfterMs,
});

test('a mark is judged by the threshold of the delegation itself', () => {
  expect(kinds([inProgress, stuck(6_000)], [inserted(12_000)])).toEqual(['falselyMarked']);
  expect(kinds([inProgress, stuck(12_100)], [inserted(12_000)])).toEqual([]);
  expect(kinds([inProgress, stuck(3_100)], [inserted(3_000)])).toEqual([]);
});

test('a mark during a wait is false, and after it silence counts from its end, or from the resume', () => {
  const waiting: AuditedActivity = {
    ...base,
    event: 'delegation.waiting',
    toStatus: null,
    detail: { until: iso(20_000) },
  };
  const resumed: AuditedActivity = { ...base, event: 'delegation.resumed', toStatus: null };
  const wait: DiaryEntry = { ...heartbeat(100), did: 'wait', outcome: 'waiting', untilMs: 19_900 };
  const resume: DiaryEntry = { ...heartbeat(9_000), did: 'resume', outcome: 'resumed' };
  expect(kinds([inProgress, waiting, stuck(-4_000, HEARD_AT + 16_000)], [wait])).toEqual(['falselyMarked']);
  expect(kinds([inProgress, waiting, stuck(STUCK_AFTER_MS - 100, HEARD_AT + 24_900)], [wait])).toEqual([
    'falselyMarked',
  ]);
  expect(kinds([inProgress, waiting, stuck(STUCK_AFTER_MS + 100, HEARD_AT + 25_100)], [wait])).toEqual([]);
  expect(kinds([inProgress, waiting, resumed, stuck(STUCK_AFTER_MS + 100, HEARD_AT + 9_100)], [wait, resume])).toEqual([
    'falselyMarked',
  ]);
  expect(kinds([inProgress, stuck(30_000)], [wait])).toEqual(['lost']);
});

test('a mark whose silence was not observed is false', () => {
  const outages = dead(new Outages([{ startAt: HEARD_AT + 1_000, endAt: HEARD_AT + 3_000 }]));
  expect(kinds([inProgress, stuck(6_000)], [], outages)).toEqual(['falselyMarked']);
  expect(kinds([inProgress, stuck(7_100)], [], outages)).toEqual([]);
});

test('a result that was accepted or refused and is recorded nowhere is lost', () => {
  expect(kinds([inProgress, stuck(6_000)], [completed('changed')])).toEqual(['lost']);
  expect(kinds([inProgress, stuck(6_000)], [completed('refused')])).toEqual(['lost']);
  expect(
    kinds(
      [],
      [{ ...heartbeat(0), did: 'insert', outcome: 'inserted', deadlineMs: null, stuckAfterMs: null }],
      dead(),
      [],
    ),
  ).toEqual(['lost']);
});

test('a repeated result is recorded in the row, or as a late one', () => {
  const done = ended('completed');
  const holding = (resultPreview: string): AuditedRow[] => [{ ...row, status: 'completed', resultPreview }];
  expect(kinds([inProgress, done], [completed('unchanged')], dead(), holding('r'))).toEqual([]);
  expect(kinds([inProgress, done, late], [completed('unchanged')], dead(), holding('another'))).toEqual([]);
  expect(kinds([inProgress, done], [completed('unchanged')], dead(), holding('another'))).toEqual(['lost']);
});

test("a result that an A2A caller has is in its agent's delegation, or was recorded as a late one", () => {
  const saw: DiaryEntry = { ...heartbeat(0), did: 'saw', id: 'chosen', key: 'm', text: 'r', outcome: 'completed' };
  const done = ended('completed');
  const holding = (resultPreview: string): AuditedRow[] => [{ ...row, status: 'completed', resultPreview }];
  expect(kinds([inProgress, done], [saw], dead(), holding('r'))).toEqual([]);
  expect(kinds([inProgress, stuck(6_000), late], [saw])).toEqual([]);
  expect(kinds([inProgress, done], [saw], dead(), holding('another'))).toEqual(['lost']);
  expect(kinds([], [{ ...saw, key: 'unknown' }], dead(), [])).toEqual(['lost']);
});

test('a second end, a delegation that was not found and an activity that contradicts the row are detected', () => {
  expect(kinds([inProgress, stuck(6_000), stuck(6_000)], [])).toEqual(['twice']);
  expect(kinds([inProgress], [], dead(), [{ ...row, status: 'in_progress' }])).toEqual(['open']);
  expect(kinds([inProgress], [])).toEqual(['replay']);
});

test('steps that the lifecycle does not have are detected, also where the last one agrees with the row', () => {
  const done = ended('completed');
  const rows: AuditedRow[] = [{ ...row, status: 'completed' }];
  const judged = (activities: AuditedActivity[]) =>
    audit(rows, activities, [], dead()).findings.map(({ kind }) => kind);
  expect(judged([begun, inProgress, done])).toEqual([]);
  expect(judged([inProgress, done])).toEqual(['replay']);
  expect(judged([begun, { ...done, fromStatus: 'queued' }])).toEqual(['replay']);
  expect(judged([begun, inProgress, { ...begun, fromStatus: 'in_progress' }, inProgress, done])).toEqual(['replay']);
  expect(judged([begun, inProgress, { ...done, fromStatus: 'dispatched' }])).toEqual(['replay']);
});

test('a mark without its retry, a retry without its mark, a second one and one that counts wrong are detected', () => {
  const judged = (rows: AuditedRow[], activities: AuditedActivity[]) =>
    audit(rows, streamOf(activities), [], dead()).findings.map(({ kind }) => kind);
  expect(judged([row, retry], [inProgress, stuck(6_000), queued])).toEqual([]);
  expect(judged([row], [inProgress, stuck(6_000)])).toEqual(['retry']);
  expect(judged([{ ...row, attempt: 2 }], [inProgress, stuck(6_000)])).toEqual([]);
  expect(judged([row], [inProgress, late, stuck(6_000)])).toEqual([]);
  expect(judged([row], [inProgress, stuck(6_000), late])).toEqual(['retry']);
  const failed = ended('failed');
  expect(judged([{ ...row, status: 'failed' }, retry], [inProgress, failed, queued])).toEqual(['retry']);
  const twice = { ...retry, id: 'd++' };
  expect(judged([row, retry, twice], [inProgress, stuck(6_000), queued, { ...queued, id: 'd++' }])).toEqual(['retry']);
  expect(judged([row, { ...retry, attempt: 3 }], [inProgress, stuck(6_000), queued])).toEqual(['retry']);
});

test('a mark of an agent that lived and could reach the database is false, whatever its silence', () => {
  const lived = () => new History(STUCK_AFTER_MS);
  expect(kinds([inProgress, stuck(6_000)], [heartbeat(-10)], lived())).toEqual(['falselyMarked']);
  const away = (ms: number) => {
    const history = lived();
    history.hinder('all', { startAt: HEARD_AT, endAt: HEARD_AT + ms });
    return history;
  };
  expect(kinds([inProgress, stuck(6_000)], [heartbeat(-10)], away(2_000))).toEqual(['falselyMarked']);
  expect(kinds([inProgress, stuck(6_000)], [heartbeat(-10)], away(3_000))).toEqual([]);
  const another = lived();
  another.gone('another agent');
  expect(kinds([inProgress, stuck(6_000)], [heartbeat(-10)], another)).toEqual(['falselyMarked']);
  // Its agent heartbeats only once it has the answer to its wait.
  const asked = (fromMs: number): DiaryEntry => ({
    did: 'wait',
    id: 'd',
    untilMs: 25_000,
    askedAt: HEARD_AT + fromMs,
    answeredAt: HEARD_AT + 10_000,
    outcome: 'error',
  });
  expect(kinds([inProgress, stuck(6_000)], [heartbeat(-10), asked(3_000)], lived())).toEqual([]);
  expect(kinds([inProgress, stuck(6_000)], [heartbeat(-10), asked(4_000)], lived())).toEqual(['falselyMarked']);
});

test('a dead agent that is found a minute after it was due is found late; outages do not count', () => {
  expect(kinds([inProgress, stuck(6_000, HEARD_AT + 64_000)], [heartbeat(-10)])).toEqual([]);
  expect(kinds([inProgress, stuck(6_000, HEARD_AT + 66_000)], [heartbeat(-10)])).toEqual(['late']);
  const away = dead(new Outages([{ startAt: HEARD_AT + 20_000, endAt: HEARD_AT + 30_000 }]));
  expect(kinds([inProgress, stuck(6_000, HEARD_AT + 66_000)], [heartbeat(-10)], away)).toEqual([]);
});

test("by a lowered threshold a delegation is judged when it has been heard since, the daemons' and its own", () => {
  const lowered = dead();
  lowered.thresholds.changed({ startAt: HEARD_AT + 1_000, endAt: HEARD_AT + 2_000, ms: 3_000 });
  const silence = (heardMs: number, silentMs: number): AuditedActivity => ({
    ...stuck(silentMs, HEARD_AT + heardMs + silentMs),
    detail: { rule: 'stale', lastHeartbeat: iso(heardMs), silentMs },
  });
  expect(kinds([inProgress, silence(0, 3_500)], [heartbeat(-10)], lowered)).toEqual(['falselyMarked']);
  expect(kinds([inProgress, silence(0, 5_500)], [heartbeat(-10)], lowered)).toEqual([]);
  expect(kinds([inProgress, silence(2_500, 3_500)], [heartbeat(2_490)], lowered)).toEqual([]);
  expect(kinds([inProgress, silence(2_500, 2_900)], [heartbeat(2_490)], lowered)).toEqual(['falselyMarked']);
  const adjusted: AuditedActivity = { ...base, event: 'delegation.adjusted', toStatus: null };
  const adjust: DiaryEntry = { ...heartbeat(1_000), did: 'adjust', outcome: 'adjusted', stuckAfterMs: 3_000 };
  expect(kinds([inProgress, adjusted, silence(0, 3_500)], [heartbeat(-10), adjust])).toEqual(['falselyMarked']);
  expect(kinds([inProgress, adjusted, silence(2_500, 3_500)], [heartbeat(2_490), adjust])).toEqual([]);
  const raised: DiaryEntry = { ...adjust, stuckAfterMs: 9_000 };
  expect(kinds([inProgress, adjusted, silence(0, 6_000)], [heartbeat(-10), raised])).toEqual(['falselyMarked']);
  expect(kinds([inProgress, silence(0, 6_000)], [heartbeat(-10), raised])).toEqual(['lost', 'falselyMarked']);
});

test("the server's clock does not count: marks are judged by the time that really passed", async () => {
  const now = Date.now();
  const history = new History(STUCK_AFTER_MS);
  await history.clock.setTo(3_600_000, async () => undefined);
  history.hinder(['agent'], { startAt: 0, endAt: Number.POSITIVE_INFINITY });
  const heard: DiaryEntry = { ...heartbeat(0), askedAt: now - 100, answeredAt: now - 90 };
  const mark = (afterMs: number) => stuck(3_600_000 + afterMs, now + afterMs);
  expect(kinds([inProgress, mark(2_000)], [heard], history)).toEqual(['falselyMarked']);
  expect(kinds([inProgress, mark(6_000)], [heard], history)).toEqual([]);
});

test('what a failover lost is no loss, unless a process remembers it; silence counts from the failover', () => {
  const failover = (endMs: number) => {
    const history = dead();
    history.losses.push({ startAt: HEARD_AT + 6_500, endAt: HEARD_AT + endMs });
    return history;
  };
  expect(kinds([inProgress], [completed('changed')], dead(), [{ ...row, status: 'in_progress' }])).toEqual([
    'open',
    'lost',
  ]);
  expect(kinds([inProgress, stuck(16_000)], [completed('changed')], failover(10_000))).toEqual([]);
  expect(kinds([inProgress, stuck(16_000)], [completed('changed')], failover(8_000))).toEqual(['lost']);
  expect(kinds([inProgress, stuck(16_000), late], [completed('changed')], failover(8_000))).toEqual([]);
  expect(kinds([inProgress, stuck(9_000)], [heartbeat(-10)], failover(8_000))).toEqual(['falselyMarked']);
});
