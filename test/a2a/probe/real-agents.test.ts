import type { Task } from '@a2a-js/sdk';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { AgentProbe } from '../../../src/a2a/probe/agent-probe.ts';
import type { ProbeAnswer, SuspectTask } from '../../../src/sweeper/probe/suspect-probe.ts';
import { ScriptedAgent } from '../../support/a2a/agent-process.ts';
import { clientOf } from '../../support/a2a/client.ts';
import { request } from '../../support/a2a/messages.ts';
import { waitFor } from '../../support/wait-for.ts';

const LOOPBACK = { allow: ['127.0.0.1'], allowPrivate: true, credentialsDir: null };

/** Each offers one binding of one version, and knows no other. What it has to be asked for a task. */
const protocols = [
  ['1.0', 'JSONRPC', () => 'POST /jsonrpc GetTask'],
  ['1.0', 'HTTP+JSON', (id: string) => `GET /rest/tasks/${id}`],
  ['0.3', 'JSONRPC', () => 'POST /jsonrpc tasks/get'],
  ['0.3', 'HTTP+JSON', (id: string) => `GET /rest/v1/tasks/${id}`],
] as const;

/** The SDK's server embeds what a card of 1.0 says in one of 0.3, which an agent that has never heard of 1.0 does not. */
const plainCard = { '"supportedInterfaces"': '"notOfThisVersion"' };

const agents = new Map<string, ScriptedAgent>();
/** One that offers all bindings, to a tenant. */
let open: ScriptedAgent;
const stack = new AsyncDisposableStack();
beforeAll(async () => {
  const start = async (options: Parameters<typeof ScriptedAgent.start>[0]) =>
    stack.use(await ScriptedAgent.start({ ...options, reportsRequests: true }));
  const started = protocols.map(async ([version, binding]) => {
    const name = `${binding} ${version}`;
    const options = { name, version, offered: [binding] };
    agents.set(name, await start(version === '0.3' ? { ...options, mangle: plainCard } : options));
  });
  [open] = await Promise.all([start({ name: 'all', tenant: 'acme' }), ...started]);
});
afterAll(() => stack.disposeAsync());

async function begun(agent: ScriptedAgent, script: string): Promise<string> {
  const client = await clientOf(agent, { binding: agent.options.offered?.[0] ?? 'JSONRPC' });
  const before = requestsTo(agent).length;
  const { id } = (await client.sendMessage(request(script, { returnImmediately: true }))) as Task;
  // What it reports comes another way than its answer.
  await waitFor('the report', () => requestsTo(agent).length > before);
  return id;
}

async function asked(agentUrl: string, taskId: string, probe = new AgentProbe(LOOPBACK)): Promise<ProbeAnswer> {
  const answers: ProbeAnswer[] = [];
  const task: SuspectTask = { delegationId: 'd', agentUrl, tenant: '', taskId };
  await probe.ask([task], { timeoutMs: 10_000, signal: new AbortController().signal }, async (_, answer) => {
    answers.push(answer);
  });
  expect(answers).toHaveLength(1);
  return answers[0]!;
}

const urlOf = ({ card }: ScriptedAgent, binding: string) =>
  card.supportedInterfaces.find(({ protocolBinding }) => protocolBinding === binding)!.url;

/** What it was asked, cards aside, since it had heard so much. */
const requestsTo = (agent: ScriptedAgent, since = 0) =>
  agent.reported
    .slice(since)
    .flatMap(({ request: heard }) => heard ?? [])
    .filter((heard) => !heard.includes('/.well-known/'));

describe.each(protocols)('an agent of protocol %s that offers %s alone', (version, binding, requestFor) => {
  const agentOf = () => agents.get(`${binding} ${version}`)!;

  test('is asked by these', async () => {
    const agent = agentOf();
    const url = urlOf(agent, binding);
    const working = await begun(agent, 'working reading; hang');
    const since = agent.reported.length;
    expect(await asked(url, working)).toMatchObject({ seen: { step: 'in_progress', progress: 'reading' } });
    await waitFor('the report', () => requestsTo(agent, since).length > 0);
    expect(requestsTo(agent, since)).toEqual([requestFor(working)]);
    const done = await begun(agent, 'working; artifact report; complete all done');
    await waitFor('the task to end', async () => {
      const answer = await asked(url, done);
      return 'seen' in answer && answer.seen.step === 'completed';
    });
    expect(await asked(url, done)).toMatchObject({ seen: { step: 'completed', resultPreview: 'all done' } });
    const asks = await begun(agent, 'working; ask which branch?');
    await waitFor('the task to ask', async () => {
      const answer = await asked(url, asks);
      return 'seen' in answer && answer.seen.step === 'waiting';
    });
    expect(await asked(url, 'no-such-task')).toEqual({ outcome: 'unknown_task', reason: 'task_not_found' });
  });

  test('a task that stands still has one fingerprint, and another one once it changed', async () => {
    const agent = agentOf();
    const url = urlOf(agent, binding);
    const id = await begun(agent, 'working a; gate next; artifact more; gate last; complete');
    const print = async () => {
      const answer = await asked(url, id);
      return 'fingerprint' in answer ? answer.fingerprint : expect(answer).toBe('seen');
    };
    const first = await print();
    expect(await print()).toBe(first);
    agent.open('next');
    await waitFor('the task to change', async () => (await print()) !== first);
    agent.open('last');
  });
});

test('an agent that offers several is asked by the first one of its card, as the tenant that it names', async () => {
  const id = await begun(open, 'working; hang');
  const since = open.reported.length;
  for (const binding of ['JSONRPC', 'HTTP+JSON']) {
    expect(await asked(urlOf(open, binding), id)).toMatchObject({ seen: { step: 'in_progress' } });
  }
  await waitFor('the reports', () => requestsTo(open, since).length > 1);
  expect(requestsTo(open, since)).toEqual(Array(2).fill('POST /jsonrpc GetTask'));
});

test('the agent of an address without a card below it is found by a card further up, or taken for JSON-RPC', async () => {
  const agent = agents.get('JSONRPC 1.0')!;
  const id = await begun(agent, 'working; hang');
  expect(await asked(`${agent.origin}/jsonrpc/`, id)).toMatchObject({ seen: { step: 'in_progress' } });
  expect(await asked(agent.origin, id)).toMatchObject({ seen: { step: 'in_progress' } });
});

test('gRPC is not asked', async () => {
  expect(await asked(urlOf(open, 'GRPC'), 'task')).toEqual({ outcome: 'not_asked', reason: 'binding' });
});
