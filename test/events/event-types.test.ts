import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { CloudEvent } from 'cloudevents';
import * as z from 'zod';
import { type EventType, eventTypes } from '../../src/events/event-types.ts';
import type { LedgerEvent } from '../../src/events/ledger-event.ts';
import { OperatorHolds } from '../../src/sweeper/hold/operator-holds.ts';
import { seedDelegation, testLedger, testSweeper } from '../support/fixtures.ts';
import { mapTask, ScriptedProbe } from '../support/scripted-probe.ts';
import { seedFleet } from '../support/seed-fleet.ts';
import { seedSpecial } from '../support/seed-special.ts';
import { eventsIn, subscribe } from '../support/subscriber.ts';
import { useDatabase } from '../support/use-database.ts';
import { eventSchemas } from './event-schemas.ts';

const folder = path.resolve(import.meta.dirname, '../../docs/events');
const TRACEPARENT = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
/** What agents write: none of it may be in an event. */
const SECRET = 'said by a model';

const database = useDatabase();
let events: readonly LedgerEvent[];
let lines: Readonly<Record<string, unknown>>[];
const of = <Type extends EventType>(type: Type) =>
  events.filter((event): event is Extract<LedgerEvent, { type: Type }> => event.type === type);
const about = (subject: string) => events.filter((event) => 'subject' in event && event.subject === subject);
const line = (event: string, delegationId: string) =>
  lines.find((one) => one.event === event && one.delegationId === delegationId)!;

beforeAll(async () => {
  await subscribe(database, eventTypes);
  const { ledger } = testLedger(database.db);
  await ledger.insert({
    delegationId: 'stale',
    callerId: 'planner',
    calleeId: 'coder',
    taskPreview: SECRET,
    traceparent: TRACEPARENT,
  });
  await ledger.setStatus('stale', 'in_progress');
  await database.query(`UPDATE delegations SET last_heartbeat = clock_timestamp() - interval '700 seconds'`);
  await seedSpecial(database, {
    delegationId: 'stalled',
    enteredSeconds: 120,
    progressSeconds: 60,
    stalledAfterMs: 1000,
  });
  await seedDelegation(database, { delegationId: 'overdue', status: 'queued', deadlineSeconds: -60 });
  for (const delegationId of ['answers', 'answers not']) {
    await seedDelegation(database, { delegationId, silentSeconds: 700 });
    await mapTask(database, delegationId);
  }
  const probe = new ScriptedProbe(({ delegationId }) =>
    delegationId === 'answers'
      ? { seen: { step: 'failed', errorDetail: SECRET }, fingerprint: 'f' }
      : { outcome: 'no_answer', reason: 'timeout' },
  );
  const marking = testSweeper(database.db, { retriesMax: 1, probe: probe.options() });
  expect(await marking.sweeper.sweep({ trigger: 'manual' })).toMatchObject({ stuck: 3, failed: 1, poisoned: 0 });
  lines = [...marking.lines];
  await ledger.setStatus('overdue', 'completed', { resultPreview: SECRET, responseBody: { text: SECRET } });

  const holds = new OperatorHolds(database.db);
  await holds.hold({ forMs: 3_600_000, reason: 'a rollout', by: 'ana' });
  await holds.release('ana');
  await seedFleet(database, { rows: 30, silentSeconds: 700, callees: 3 });
  const storm = { minStale: 20, ratio: 0.5, maxHoldMs: 1_800_000 };
  await testSweeper(database.db, { storm }).sweeper.sweep({ trigger: 'manual' });
  await testSweeper(database.db).sweeper.sweep({ trigger: 'manual' });
  events = await eventsIn(database);
});

describe.each(eventTypes)('%s', (type) => {
  // As published: a later version may add fields, so a reader has to accept those that it does not know.
  const published = () => ({ ...z.toJSONSchema(eventSchemas[type], { io: 'input' }), title: type });

  test('has its JSON Schema in docs/events, as its source gives it', () => {
    const file = path.join(folder, `${type}.schema.json`);
    const text = `${JSON.stringify(published(), null, 2)}\n`;
    if (process.env.UPDATE_DOCS === '1') writeFileSync(file, text);
    expect(readFileSync(file, 'utf8')).toBe(text);
  });

  test('is as its schema says, without a field that it does not describe', () => {
    const ajv = new Ajv2020({ allErrors: true, formats: { 'date-time': true } });
    const strict = ajv.compile(z.toJSONSchema(eventSchemas[type], { io: 'output' }));
    expect(of(type).length).toBeGreaterThan(0);
    for (const event of of(type)) {
      expect({ errors: strict(event) ? [] : strict.errors, event }).toEqual({ errors: [], event });
    }
    expect(strict({ ...of(type)[0], more: 1 })).toBe(false);
  });

  test('is a CloudEvent 1.0', () => {
    for (const event of of(type)) expect(new CloudEvent<unknown>({ ...event }, true).validate()).toBe(true);
  });
});

test('docs/events has the schemas of these types alone', () => {
  expect(readdirSync(folder).toSorted()).toEqual(eventTypes.map((type) => `${type}.schema.json`).toSorted());
});

test('a mark has the evidence of its log line', () => {
  const [stale] = about('stale');
  const { sweepId, silentMs, stuckAfterMs, lastHeartbeat, deadline, retriedAs } = line('delegation.stuck', 'stale');
  expect(stale).toMatchObject({
    type: 'delegation.stuck.v1',
    source: `/delegation-sweeper/${database.name}/public`,
    traceparent: TRACEPARENT,
    data: {
      sweepId,
      callerId: 'planner',
      calleeId: 'coder',
      rule: 'stale',
      silentMs,
      stuckAfterMs,
      attempt: 1,
      retriedAs,
    },
  });
  const instants = stale!.data as { lastHeartbeat: string; deadline: string };
  expect([new Date(instants.lastHeartbeat), new Date(instants.deadline)].map((at) => at.toISOString())).toEqual([
    lastHeartbeat,
    deadline,
  ]);
  const { silentMs: withoutProgressMs } = line('delegation.stalled', 'stalled');
  expect(about('stalled')).toMatchObject([
    { data: { rule: 'stalled', silentMs: withoutProgressMs, stalledAfterMs: 1000, progressAt: expect.any(String) } },
  ]);
  expect(about('overdue')[0]).toMatchObject({
    type: 'delegation.failed.v1',
    data: { rule: 'overdue', overdueMs: line('delegation.deadline_exceeded', 'overdue').overdueMs },
  });
  expect(about('answers not')).toMatchObject([{ data: { probe: { outcome: 'no_answer', reason: 'timeout' } } }]);
});

test('an answer by which its agent failed it is published as well', () => {
  expect(about('answers')).toMatchObject([{ type: 'delegation.failed.v1', data: { rule: 'answered' } }]);
});

test('its id is that of its activity', async () => {
  const rows = await database.query<{ id: string; delegation_id: string }>(
    `SELECT activity_id::text AS id, delegation_id FROM activity_logs
     WHERE event IN ('delegation.stuck', 'delegation.failed', 'delegation.late_result') ORDER BY activity_id`,
  );
  const published = events.flatMap((event) =>
    'subject' in event ? [{ id: event.id, delegation_id: event.subject }] : [],
  );
  expect(published.filter(({ delegation_id }) => !delegation_id.startsWith('fleet'))).toEqual(
    rows.filter(({ delegation_id }) => !delegation_id.startsWith('fleet')),
  );
});

test('no event has a text of an agent', () => {
  expect(JSON.stringify(events)).not.toContain(SECRET);
  expect(line('delegation.stalled', 'stalled').progress).toBe('step');
  expect(JSON.stringify(events)).not.toContain('"step"');
});

test('a hold is told when it begins and when it ends', () => {
  expect(
    [...of('sweep.held.v1'), ...of('sweep.released.v1')].map(({ id, data }) => [id.replace(/^.*:/, ''), data]),
  ).toEqual([
    ['held', { by: 'operator', reason: 'a rollout', heldForMs: 0, releasesInMs: 3_600_000 }],
    ['held', expect.objectContaining({ by: 'storm', stale: 30, callees: expect.any(Array), releasesInMs: 1_800_000 })],
    ['released', expect.objectContaining({ by: 'operator', why: 'operator', reason: 'a rollout' })],
    ['released', expect.objectContaining({ by: 'storm', why: 'off' })],
  ]);
});
