import type { Task } from '@a2a-js/sdk';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { AgentProbe } from '../../../src/a2a/probe/agent-probe.ts';
import type { ProbeAnswer, SuspectTask } from '../../../src/sweeper/probe/suspect-probe.ts';
import { ScriptedAgent } from '../../support/a2a/agent-process.ts';
import { clientOf } from '../../support/a2a/client.ts';
import { request } from '../../support/a2a/messages.ts';
import { waitFor } from '../../support/wait-for.ts';

const LOOPBACK = { allow: ['127.0.0.1'], allowPrivate: true, credentialsDir: null };

const agents = new Map<'1.0' | '0.3', ScriptedAgent>();
beforeAll(async () => {
  for (const version of ['1.0', '0.3'] as const) {
    agents.set(version, await ScriptedAgent.start({ name: `agent ${version}`, version }));
  }
});
afterAll(async () => {
  for (const agent of agents.values()) await agent[Symbol.asyncDispose]();
});

async function begun(agent: ScriptedAgent, script: string): Promise<string> {
  const client = await clientOf(agent);
  return ((await client.sendMessage(request(script, { returnImmediately: true }))) as Task).id;
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

describe.each(['1.0', '0.3'] as const)('an agent of protocol %s', (version) => {
  test.each(['JSONRPC', 'HTTP+JSON'])('is asked at its address for %s, by what its card says', async (binding) => {
    const agent = agents.get(version)!;
    const url = urlOf(agent, binding);
    const working = await begun(agent, 'working reading; hang');
    expect(await asked(url, working)).toMatchObject({ seen: { step: 'in_progress', progress: 'reading' } });
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
    const agent = agents.get(version)!;
    const url = urlOf(agent, 'JSONRPC');
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

test('the agent of an address without a card below it is found by a card further up, or taken for JSON-RPC', async () => {
  const agent = agents.get('1.0')!;
  const id = await begun(agent, 'working; hang');
  expect(await asked(`${agent.origin}/jsonrpc/`, id)).toMatchObject({ seen: { step: 'in_progress' } });
  expect(await asked(agent.origin, id)).toMatchObject({ seen: { step: 'in_progress' } });
});

test('gRPC is not asked', async () => {
  const agent = agents.get('1.0')!;
  expect(await asked(urlOf(agent, 'GRPC'), 'task')).toEqual({ outcome: 'not_asked', reason: 'binding' });
});
