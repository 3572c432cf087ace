import type { Task } from '@a2a-js/sdk';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { AgentProbe } from '../../../src/a2a/probe/agent-probe.ts';
import { ScriptedAgent } from '../../support/a2a/agent-process.ts';
import { clientOf } from '../../support/a2a/client.ts';
import { request } from '../../support/a2a/messages.ts';
import { startDaemon, type TestDaemon } from '../../support/daemon.ts';
import { seedDelegation, testLedger, testSweeper } from '../../support/fixtures.ts';
import { mapTask } from '../../support/scripted-probe.ts';
import { useDatabase } from '../../support/use-database.ts';
import { waitFor } from '../../support/wait-for.ts';

const database = useDatabase({ per: 'test' });

let agent: ScriptedAgent;
beforeAll(async () => {
  agent = await ScriptedAgent.start({ name: 'asked' });
});
afterAll(() => agent[Symbol.asyncDispose]());

/** A suspect whose agent works on this script. */
async function suspect(script: string): Promise<string> {
  const client = await clientOf(agent);
  const { id: taskId } = (await client.sendMessage(request(script, { returnImmediately: true }))) as Task;
  const id = await seedDelegation(database, { silentSeconds: 700 });
  await mapTask(database, id, { agentUrl: `${agent.origin}/jsonrpc`, taskId });
  return id;
}

function sweeper() {
  const probe = new AgentProbe({ allow: ['127.0.0.1'], allowPrivate: true, credentialsDir: null });
  return testSweeper(database.db, { probe: { probe, asksMax: 100, timeoutMs: 10_000 } });
}

const rowOf = async (id: string) => (await testLedger(database.db).ledger.get(id))!;

/** As if the threshold had passed once more. */
const later = (id: string) =>
  database.query(
    `UPDATE delegations SET last_heartbeat = last_heartbeat - interval '700 seconds' WHERE delegation_id = $1`,
    [id],
  );

test('real agents: one works on, one stands still, one has finished, one asks a person, one knows nothing; no word of theirs is logged', async () => {
  const working = await suspect('working alpha; gate on; working beta; hang');
  const still = await suspect('working gamma; hang');
  const done = await suspect('working; artifact report; complete delta');
  const asks = await suspect('working; ask epsilon?');
  const unknown = await seedDelegation(database, { silentSeconds: 700 });
  await mapTask(database, unknown, { agentUrl: `${agent.origin}/jsonrpc` });
  await agent.heard('returned');
  const first = sweeper();
  expect(await first.sweeper.sweep({ trigger: 'cron' })).toMatchObject({ stuck: 1, remaining: 0 });
  expect(await rowOf(working)).toMatchObject({ status: 'in_progress', progress: 'alpha' });
  expect(await rowOf(done)).toMatchObject({ status: 'completed', resultPreview: 'delta' });
  expect(await rowOf(asks)).toMatchObject({ status: 'in_progress', waitingReason: 'a2a: INPUT_REQUIRED: epsilon?' });
  expect(await rowOf(unknown)).toMatchObject({ status: 'stuck' });
  agent.open('on');
  const client = await clientOf(agent);
  const [{ taskId }] = (await database.query<{ taskId: string }>(
    'SELECT task_id AS "taskId" FROM a2a_tasks WHERE delegation_id = $1',
    [working],
  )) as [{ taskId: string }];
  await waitFor('the task to go on', async () => {
    const { status } = await client.getTask({ tenant: '', id: taskId });
    return JSON.stringify(status).includes('beta');
  });
  await Promise.all([later(working), later(still)]);
  const second = sweeper();
  expect(await second.sweeper.sweep({ trigger: 'cron' })).toMatchObject({ stuck: 1, remaining: 0 });
  expect(await rowOf(working)).toMatchObject({ status: 'in_progress', progress: 'beta' });
  expect(await rowOf(still)).toMatchObject({ status: 'stuck' });
  const log = JSON.stringify([...first.lines, ...second.lines]);
  for (const word of ['alpha', 'beta', 'gamma', 'delta', 'epsilon', 'report', agent.origin])
    expect(log).not.toContain(word);
});

const env = {
  A2A_PROBE: 'true',
  A2A_PROBE_ALLOW: '127.0.0.1',
  A2A_PROBE_ALLOW_PRIVATE: 'true',
  STUCK_AFTER: '10m',
};

const isWriting = async () => {
  const sql = `SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'`;
  return (await database.query(sql)).length > 0;
};

test('a daemon that is killed between the answer and its commit loses nothing: the next one asks again and takes the result over', async () => {
  const id = await suspect('working; complete all done');
  await agent.heard('returned');
  await database.query(
    `CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(120); RETURN NEW; END $$`,
  );
  await database.query('CREATE TRIGGER slow BEFORE UPDATE ON delegations FOR EACH ROW EXECUTE FUNCTION slow()');
  {
    await using first: TestDaemon = startDaemon(database.url, env);
    await waitFor('the answer to be written', isWriting, { timeoutMs: 60_000 });
    first.child.kill('SIGKILL');
    await first.child.exit;
  }
  await database.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND wait_event = 'PgSleep'`);
  await database.query('DROP TRIGGER slow ON delegations');
  expect((await testLedger(database.db).ledger.history(id)).map(({ event }) => event)).toEqual([
    'delegation.in_progress',
  ]);
  await using second = startDaemon(database.url, env);
  await second.until('delegation.probed', ({ delegationId }) => delegationId === id, { timeoutMs: 60_000 });
  await waitFor('the result', async () => (await rowOf(id)).status === 'completed');
  const events = (await testLedger(database.db).ledger.history(id)).map(({ event }) => event);
  expect(events.toSorted()).toEqual(['delegation.completed', 'delegation.in_progress', 'delegation.probed']);
});
