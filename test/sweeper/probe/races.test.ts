import { describe, expect, test } from '@jest/globals';
import type { ProbeAnswer, SuspectTask } from '../../../src/sweeper/probe/suspect-probe.ts';
import { seedDelegation, testLedger, testSweeper } from '../../support/fixtures.ts';
import { mapTask, ScriptedProbe } from '../../support/scripted-probe.ts';
import { useDatabase } from '../../support/use-database.ts';

// The naive forms write no activity.
const database = useDatabase({ per: 'test', replayed: false });

const completed: ProbeAnswer = {
  seen: { step: 'completed', resultPreview: "the probe's copy", responseBody: { from: 'probe' } },
  fingerprint: 'f',
};
const alive: ProbeAnswer = { seen: { step: 'in_progress' }, fingerprint: 'f' };
const noAnswer: ProbeAnswer = { outcome: 'no_answer', reason: 'timeout' };

async function suspect(): Promise<string> {
  const id = await seedDelegation(database, { silentSeconds: 700 });
  await mapTask(database, id);
  return id;
}

/** A sweep whose agents answer so, after something else has happened. */
async function sweepAfter(meanwhile: (task: SuspectTask) => Promise<unknown>, answer: ProbeAnswer) {
  const probe = new ScriptedProbe(async (task) => {
    await meanwhile(task);
    return answer;
  });
  const { sweeper, lines } = testSweeper(database.db, { probe: probe.options() });
  const summary = await sweeper.sweep({ trigger: 'manual' });
  return { summary, lines };
}

async function stateOf(id: string) {
  const { ledger } = testLedger(database.db);
  const [row, history] = [await ledger.get(id), await ledger.history(id)];
  return { row: row!, events: history.map(({ event }) => event).slice(1) };
}

describe('while its agent is asked', () => {
  test('a delegation that its agent completes keeps its own result, and the answer is no late result', async () => {
    const id = await suspect();
    const own = { resultPreview: 'its own', responseBody: { from: 'agent' } };
    const finish = () => testLedger(database.db).ledger.setStatus(id, 'completed', own);
    const { lines, summary } = await sweepAfter(finish, completed);
    const { row, events } = await stateOf(id);
    expect(row).toMatchObject({ status: 'completed', resultPreview: 'its own' });
    expect(events).toEqual(['delegation.completed']);
    expect(summary).toMatchObject({ stuck: 0, remaining: 0 });
    expect(lines.find(({ event }) => event === 'delegation.probed')).toMatchObject({
      outcome: 'completed',
      changed: false,
    });
  });

  test('the naive form, told without being judged again, makes a late result of it', async () => {
    const id = await suspect();
    const { ledger } = testLedger(database.db);
    await ledger.setStatus(id, 'completed', { resultPreview: 'its own' });
    await ledger.setStatus(id, 'completed', { resultPreview: "the probe's copy" });
    expect((await stateOf(id)).events).toEqual(['delegation.completed', 'delegation.late_result']);
  });

  test.each([
    ['no answer', noAnswer],
    ['that it works on', alive],
    ['that it has finished', completed],
  ])('a delegation that is heard stays as it is, whatever the answer: %s', async (_, answer) => {
    const id = await suspect();
    const { summary } = await sweepAfter(() => testLedger(database.db).ledger.heartbeat(id), answer);
    expect(summary).toMatchObject({ stuck: 0, remaining: 0 });
    const { row, events } = await stateOf(id);
    expect(row.status).toBe('in_progress');
    expect(events).toEqual([]);
  });

  test('the naive form, marked because the question was not answered, loses the heartbeat', async () => {
    const id = await suspect();
    await testLedger(database.db).ledger.heartbeat(id);
    await database.query(`UPDATE delegations SET status = 'stuck' WHERE delegation_id = $1`, [id]);
    expect((await stateOf(id)).row.status).toBe('stuck');
  });

  test('a delegation that begins to wait is not marked', async () => {
    const id = await suspect();
    const { ledger } = testLedger(database.db);
    const { summary } = await sweepAfter(() => ledger.wait(id, { untilMs: 60_000, reason: 'a person' }), noAnswer);
    expect(summary).toMatchObject({ stuck: 0 });
    expect((await stateOf(id)).events).toEqual(['delegation.waiting']);
  });
});

test.each([
  ['that it works on', alive],
  ['that it has finished', completed],
  ['nothing', noAnswer],
])(
  'an answer for a row that its agent has locked waits for nobody: %s; what the agent commits wins',
  async (_, answer) => {
    const id = await suspect();
    const trx = await database.db.startTransaction().execute();
    const { ledger } = testLedger(trx);
    const { summary } = await sweepAfter(() => ledger.setStatus(id, 'completed', { resultPreview: 'its own' }), answer);
    expect(summary).toMatchObject({ stuck: 0, remaining: 1 });
    await trx.commit().execute();
    expect((await stateOf(id)).row).toMatchObject({ status: 'completed', resultPreview: 'its own' });
  },
);

test('of two sweepers that ask for the same task one takes the result over, and it is recorded once', async () => {
  const id = await suspect();
  const both = Promise.withResolvers<void>();
  let asked = 0;
  const meet = async () => {
    asked += 1;
    if (asked === 2) both.resolve();
    await both.promise;
  };
  const sweeps = await Promise.all([sweepAfter(meet, completed), sweepAfter(meet, completed)]);
  expect(asked).toBe(2);
  expect((await stateOf(id)).events.toSorted()).toEqual(['delegation.completed', 'delegation.probed']);
  const probed = sweeps.flatMap(({ lines }) => lines.filter(({ event }) => event === 'delegation.probed'));
  expect(probed.map(({ changed }) => changed).toSorted()).toEqual([false, true]);
  expect(sweeps.map(({ summary }) => summary.stuck)).toEqual([0, 0]);
});

test('a sweep that lost its lease while it asked marks nothing, but what it heard is told', async () => {
  const [dead, living] = [await suspect(), await suspect()];
  const probe = new ScriptedProbe(async ({ delegationId }) => {
    await database.query(`UPDATE sweeper_state SET sweep_id = 'another'`);
    return delegationId === living ? alive : noAnswer;
  });
  const { sweeper } = testSweeper(database.db, { probe: probe.options() });
  expect(await sweeper.sweep({ trigger: 'manual' })).toMatchObject({ stuck: 0, remaining: 1, truncated: true });
  expect((await stateOf(living)).events).toEqual(['delegation.probed']);
  expect((await stateOf(dead)).row.status).toBe('in_progress');
});

test('a sweep that is interrupted while it asks marks nothing', async () => {
  const id = await suspect();
  const interrupt = new AbortController();
  const probe = new ScriptedProbe(async () => {
    interrupt.abort();
    return noAnswer;
  });
  const { sweeper } = testSweeper(database.db, { probe: probe.options() });
  await sweeper.sweep({ trigger: 'manual', signal: interrupt.signal });
  expect((await stateOf(id)).row.status).toBe('in_progress');
});
