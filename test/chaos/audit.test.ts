import { expect, test } from '@jest/globals';
import { type AuditedActivity, type AuditedRow, audit } from './audit.ts';
import type { DiaryEntry } from './diary.ts';
import { STUCK_AFTER_MS } from './fleet.ts';
import { Outages } from './outages.ts';

const HEARD_AT = Date.UTC(2026, 0, 1);
const iso = (afterMs: number) => new Date(HEARD_AT + afterMs).toISOString();

const row: AuditedRow = {
  id: 'd',
  key: 'm',
  status: 'stuck',
  resultPreview: null,
  errorDetail: null,
  createdAt: HEARD_AT,
  finishedAt: HEARD_AT + 6_000,
  retryOf: null,
  attempt: 1,
};
const retry: AuditedRow = { ...row, id: 'd+', key: null, status: 'queued', finishedAt: null, retryOf: 'd', attempt: 2 };
const base = { id: 'd', actor: 'ledger', fromStatus: null, detail: {}, responseBody: null };
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
const stuck = (silentMs: number): AuditedActivity => ({
  ...base,
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

const kinds = (activities: AuditedActivity[], diary: DiaryEntry[], outages = new Outages(), rows = [row]) => {
  const all = withRetry(rows, activities);
  const stream = streamOf(activities);
  return audit(all, all === rows ? stream : [...stream, queued], diary, outages).map(({ kind }) => kind);
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
  expect(kinds([inProgress, waiting, stuck(-4_000)], [wait])).toEqual(['falselyMarked']);
  expect(kinds([inProgress, waiting, stuck(STUCK_AFTER_MS - 100)], [wait])).toEqual(['falselyMarked']);
  expect(kinds([inProgress, waiting, stuck(STUCK_AFTER_MS + 100)], [wait])).toEqual([]);
  expect(kinds([inProgress, waiting, resumed, stuck(STUCK_AFTER_MS + 100)], [wait, resume])).toEqual(['falselyMarked']);
  expect(kinds([inProgress, stuck(30_000)], [wait])).toEqual(['lost']);
});

test('a mark whose silence was not observed is false', () => {
  const outages = new Outages([{ startAt: HEARD_AT + 1_000, endAt: HEARD_AT + 3_000 }]);
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
      new Outages(),
      [],
    ),
  ).toEqual(['lost']);
});

test('a repeated result is recorded in the row, or as a late one', () => {
  const done = ended('completed');
  const holding = (resultPreview: string): AuditedRow[] => [{ ...row, status: 'completed', resultPreview }];
  expect(kinds([inProgress, done], [completed('unchanged')], new Outages(), holding('r'))).toEqual([]);
  expect(kinds([inProgress, done, late], [completed('unchanged')], new Outages(), holding('another'))).toEqual([]);
  expect(kinds([inProgress, done], [completed('unchanged')], new Outages(), holding('another'))).toEqual(['lost']);
});

test("a result that an A2A caller has is in its agent's delegation, or was recorded as a late one", () => {
  const saw: DiaryEntry = { ...heartbeat(0), did: 'saw', id: 'chosen', key: 'm', text: 'r', outcome: 'completed' };
  const done = ended('completed');
  const holding = (resultPreview: string): AuditedRow[] => [{ ...row, status: 'completed', resultPreview }];
  expect(kinds([inProgress, done], [saw], new Outages(), holding('r'))).toEqual([]);
  expect(kinds([inProgress, stuck(6_000), late], [saw])).toEqual([]);
  expect(kinds([inProgress, done], [saw], new Outages(), holding('another'))).toEqual(['lost']);
  expect(kinds([], [{ ...saw, key: 'unknown' }], new Outages(), [])).toEqual(['lost']);
});

test('a second end, a delegation that was not found and an activity that contradicts the row are detected', () => {
  expect(kinds([inProgress, stuck(6_000), stuck(6_000)], [])).toEqual(['twice']);
  expect(kinds([inProgress], [], new Outages(), [{ ...row, status: 'in_progress', finishedAt: null }])).toEqual([
    'open',
  ]);
  expect(kinds([inProgress], [])).toEqual(['replay']);
});

test('steps that the lifecycle does not have are detected, also where the last one agrees with the row', () => {
  const done = ended('completed');
  const rows: AuditedRow[] = [{ ...row, status: 'completed' }];
  const judged = (activities: AuditedActivity[]) => audit(rows, activities, [], new Outages()).map(({ kind }) => kind);
  expect(judged([begun, inProgress, done])).toEqual([]);
  expect(judged([inProgress, done])).toEqual(['replay']);
  expect(judged([begun, { ...done, fromStatus: 'queued' }])).toEqual(['replay']);
  expect(judged([begun, inProgress, { ...begun, fromStatus: 'in_progress' }, inProgress, done])).toEqual(['replay']);
  expect(judged([begun, inProgress, { ...done, fromStatus: 'dispatched' }])).toEqual(['replay']);
});

test('a mark without its retry, a retry without its mark, a second one and one that counts wrong are detected', () => {
  const judged = (rows: AuditedRow[], activities: AuditedActivity[]) =>
    audit(rows, streamOf(activities), [], new Outages()).map(({ kind }) => kind);
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
