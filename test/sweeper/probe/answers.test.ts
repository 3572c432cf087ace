import { expect, test } from '@jest/globals';
import type { ProbeAnswer } from '../../../src/sweeper/probe/suspect-probe.ts';
import { seedDelegation, testLedger, testSweeper } from '../../support/fixtures.ts';
import { mapTask, ScriptedProbe } from '../../support/scripted-probe.ts';
import { seedSpecial } from '../../support/seed-special.ts';
import { useDatabase } from '../../support/use-database.ts';

const database = useDatabase();
const DAY_MS = 24 * 3_600_000;

const seen = (observation: Extract<ProbeAnswer, { seen: unknown }>['seen'], fingerprint = 'f-1'): ProbeAnswer => ({
  seen: observation,
  fingerprint,
});

/** A delegation past the threshold that is an A2A task. */
async function suspect({ stalled = false } = {}): Promise<string> {
  const id = stalled
    ? await seedSpecial(database, {
        silentSeconds: 0,
        stalledAfterMs: 60_000,
        enteredSeconds: 300,
        progressSeconds: 300,
      })
    : await seedDelegation(database, { silentSeconds: 700 });
  await mapTask(database, id);
  return id;
}

/** One sweep in which agents give this answer. */
async function sweepWith(answer: ProbeAnswer | Error) {
  const probe = new ScriptedProbe(() => {
    if (answer instanceof Error) throw answer;
    return answer;
  });
  const { sweeper, lines } = testSweeper(database.db, { probe: probe.options() });
  const summary = await sweeper.sweep({ trigger: 'manual' });
  return { summary, lines, asked: probe.asked };
}

async function stateOf(id: string) {
  const { ledger } = testLedger(database.db);
  const [row, history] = [await ledger.get(id), await ledger.history(id)];
  return { row: row!, events: history.map(({ event }) => event).slice(1), history };
}

const eventsOf = (lines: readonly { event?: unknown }[], event: string) => lines.filter((line) => line.event === event);

test('an agent that works on is a sign of life, recorded with its activity and logged without its words', async () => {
  const id = await suspect();
  const { summary, lines, asked } = await sweepWith(seen({ step: 'in_progress', progress: 'reading the secret plan' }));
  expect(summary).toMatchObject({ stuck: 0, remaining: 0, truncated: false });
  expect(asked).toEqual([id]);
  const { row, events, history } = await stateOf(id);
  expect(row).toMatchObject({ status: 'in_progress', progress: 'reading the secret plan' });
  expect(Date.now() - row.lastHeartbeat!.getTime()).toBeLessThan(60_000);
  expect(events).toEqual(['delegation.probed']);
  expect(history[1]).toMatchObject({
    actor: 'sweeper',
    toStatus: null,
    detail: { outcome: 'alive', rule: 'stale', fingerprint: 'f-1', sweepId: summary.sweepId },
  });
  expect(eventsOf(lines, 'delegation.probed')).toMatchObject([
    { delegationId: id, outcome: 'alive', changed: true, reason: null, rule: 'stale' },
  ]);
  expect(JSON.stringify(lines)).not.toContain('secret plan');
});

test('a task that goes on unchanged since an answer was last taken for a sign of life is marked, with that in the evidence', async () => {
  const id = await suspect();
  await sweepWith(seen({ step: 'in_progress' }, 'f-1'));
  await database.query(
    `UPDATE delegations SET last_heartbeat = last_heartbeat - interval '700 seconds' WHERE delegation_id = $1`,
    [id],
  );
  const second = await sweepWith(seen({ step: 'in_progress' }, 'f-1'));
  expect(second.summary).toMatchObject({ stuck: 1 });
  const { row, events, history } = await stateOf(id);
  expect(row.status).toBe('stuck');
  expect(row.errorDetail).toMatch(/^no heartbeat for 7\d\ds$/);
  expect(events).toEqual(['delegation.probed', 'delegation.stuck']);
  expect(history.at(-1)!.detail).toMatchObject({ probe: { outcome: 'unchanged', reason: null } });
  expect(eventsOf(second.lines, 'delegation.stuck')).toMatchObject([
    { delegationId: id, probe: 'unchanged', probeReason: null },
  ]);
});

test('the same task, changed since, goes on living', async () => {
  const id = await suspect();
  await sweepWith(seen({ step: 'in_progress' }, 'f-1'));
  await database.query(
    `UPDATE delegations SET last_heartbeat = last_heartbeat - interval '700 seconds' WHERE delegation_id = $1`,
    [id],
  );
  expect((await sweepWith(seen({ step: 'in_progress' }, 'f-2'))).summary).toMatchObject({ stuck: 0 });
  expect((await stateOf(id)).events).toEqual(['delegation.probed', 'delegation.probed']);
});

test('a completed task is taken over, with preview and body: the late result that was not late', async () => {
  const id = await suspect();
  const answer = seen({ step: 'completed', resultPreview: 'build is green', responseBody: { artifacts: ['\u0000'] } });
  const { summary, lines } = await sweepWith(answer);
  expect(summary).toMatchObject({ stuck: 0, failed: 0, remaining: 0 });
  const { row, events, history } = await stateOf(id);
  expect(row).toMatchObject({ status: 'completed', resultPreview: 'build is green', errorDetail: null });
  expect(events.toSorted()).toEqual(['delegation.completed', 'delegation.probed']);
  expect(history.find(({ event }) => event === 'delegation.completed')).toMatchObject({
    actor: 'sweeper',
    fromStatus: 'in_progress',
    responseBody: { artifacts: ['\ufffd'] },
  });
  expect(JSON.stringify(lines)).not.toContain('green');
});

test('a failed task is taken over with its state', async () => {
  const id = await suspect();
  await sweepWith(seen({ step: 'failed', errorDetail: 'a2a: REJECTED: not my job' }));
  expect((await stateOf(id)).row).toMatchObject({ status: 'failed', errorDetail: 'a2a: REJECTED: not my job' });
});

test('a task that asks for something waits for it, seven days by default, and is marked when it still does after that', async () => {
  const id = await suspect();
  const asks = seen({ step: 'waiting', reason: 'a2a: INPUT_REQUIRED: which branch?' });
  expect((await sweepWith(asks)).summary).toMatchObject({ stuck: 0 });
  const first = await stateOf(id);
  expect(first.row).toMatchObject({ status: 'in_progress', waitingReason: 'a2a: INPUT_REQUIRED: which branch?' });
  expect(first.row.waitingUntil!.getTime() - first.row.waitingSince!.getTime()).toBe(7 * DAY_MS);
  expect(first.events.toSorted()).toEqual(['delegation.probed', 'delegation.waiting']);
  // The wait has passed, and its threshold after it.
  await database.query(
    `UPDATE delegations SET waiting_since = clock_timestamp() - interval '8 days', waiting_until = clock_timestamp() - interval '1 day',
       last_heartbeat = clock_timestamp() - interval '9 days', deadline = clock_timestamp() + interval '1 day' WHERE delegation_id = $1`,
    [id],
  );
  await database.query(
    `UPDATE delegations SET suspect_at = clock_timestamp() - interval '1 day' WHERE delegation_id = $1`,
    [id],
  );
  expect((await sweepWith(asks)).summary).toMatchObject({ stuck: 1 });
  const second = await stateOf(id);
  expect(second.row.status).toBe('stuck');
  expect(second.history.at(-1)!.detail).toMatchObject({ probe: { outcome: 'unchanged' } });
});

test('a stalled delegation lives by progress: a task that changed is told as such', async () => {
  const id = await suspect({ stalled: true });
  const { summary } = await sweepWith(seen({ step: 'in_progress' }));
  expect(summary).toMatchObject({ stuck: 0, remaining: 0 });
  const { row, history } = await stateOf(id);
  expect(row).toMatchObject({ status: 'in_progress', progress: 'a2a: in_progress' });
  expect(history.at(-1)).toMatchObject({ event: 'delegation.probed', detail: { rule: 'stalled' } });
  const other = await suspect({ stalled: true });
  const { lines } = await sweepWith({ outcome: 'unknown_task', reason: 'task_not_found' });
  expect((await stateOf(other)).row).toMatchObject({
    status: 'stuck',
    errorDetail: expect.stringMatching(/^no progress for/),
  });
  expect(eventsOf(lines, 'delegation.stalled')).toMatchObject([
    { probe: 'unknown_task', probeReason: 'task_not_found' },
  ]);
});

test.each(['unknown_task', 'refused', 'no_answer', 'unusable', 'not_asked'] as const)(
  'when asking gives %s the delegation is marked, with that in the mark, its event, the sweep and the activity',
  async (outcome) => {
    const id = await suspect();
    const { summary, lines } = await sweepWith({ outcome, reason: 'why' });
    expect(summary).toMatchObject({ stuck: 1, remaining: 0, truncated: false });
    const { row, events, history } = await stateOf(id);
    expect(row.status).toBe('stuck');
    expect(events).toEqual(['delegation.stuck']);
    expect(history.at(-1)!.detail).toMatchObject({ rule: 'stale', probe: { outcome, reason: 'why' } });
    expect(eventsOf(lines, 'delegation.stuck')).toMatchObject([
      { delegationId: id, probe: outcome, probeReason: 'why' },
    ]);
    expect(eventsOf(lines, 'delegation.probed')).toMatchObject([{ outcome, reason: 'why', changed: false }]);
    const [record] = await database.query<{ marks: unknown }>('SELECT marks FROM sweeper_sweeps WHERE sweep_id = $1', [
      summary.sweepId,
    ]);
    expect(record!.marks).toMatchObject([{ delegationId: id, probe: outcome }]);
  },
);

test('a delegation that is no A2A task is marked as ever, and its agent is not asked', async () => {
  const [plain, task] = [await seedDelegation(database, { silentSeconds: 700 }), await suspect()];
  const { summary, asked, lines } = await sweepWith(seen({ step: 'in_progress' }));
  expect(summary).toMatchObject({ stuck: 1 });
  expect(asked).toEqual([task]);
  expect((await stateOf(plain)).row.status).toBe('stuck');
  expect(eventsOf(lines, 'delegation.stuck')).toMatchObject([{ delegationId: plain, probe: null, probeReason: null }]);
});

test('an overdue task is failed for its deadline without asking', async () => {
  const id = await seedDelegation(database, { silentSeconds: 700, deadlineSeconds: -5 });
  await mapTask(database, id);
  const { asked, summary } = await sweepWith(seen({ step: 'completed' }));
  expect({ asked, failed: summary.failed }).toEqual({ asked: [], failed: 1 });
});

test('a probe that throws stops no mark: its suspects count as not having answered', async () => {
  const id = await suspect();
  const { lines } = await sweepWith(new Error('a bug'));
  expect((await stateOf(id)).row.status).toBe('stuck');
  expect(eventsOf(lines, 'delegation.stuck')).toMatchObject([{ probe: 'no_answer', probeReason: 'timeout' }]);
});

test('an answer that the row refuses to take is neither taken nor turned into a mark; the next sweep asks again', async () => {
  const id = await suspect();
  await database.query(
    `CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = 'P0001'; END $$`,
  );
  await database.query('CREATE TRIGGER refuse BEFORE UPDATE ON delegations FOR EACH ROW EXECUTE FUNCTION refuse()');
  const { lines, summary } = await sweepWith(seen({ step: 'in_progress' }));
  expect(summary).toMatchObject({ stuck: 0, remaining: 1 });
  expect(eventsOf(lines, 'sweep.report_failed')).toMatchObject([{ report: 'probing', err: { code: 'P0001' } }]);
  await database.query('DROP TRIGGER refuse ON delegations');
  await sweepWith(seen({ step: 'in_progress' }));
  expect((await stateOf(id)).events).toEqual(['delegation.probed']);
});
