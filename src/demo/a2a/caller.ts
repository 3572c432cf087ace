/**
 * A process of the demo that calls agents: the SDK's client with the ledger in its transports, and otherwise as any caller.
 * It streams each call, and asks the ledger beside it whether the delegation has ended.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { type Message, Role, type StreamResponse, TaskState } from '@a2a-js/sdk';
import { type Client, ClientFactory, JsonRpcTransportFactory } from '@a2a-js/sdk/client';
import { ledgerTransport } from '../../a2a/index.ts';
import { type DelegationLedger, isTerminal } from '../../index.ts';
import { endWithDemo } from '../end-with-demo.ts';
import { messageOf } from './executor.ts';
import { ledgerOf } from './ledger-of.ts';
import { CALLER, type CallerOrder, type CallerReport, delegationIdOf } from './protocol.ts';

endWithDemo();

type CallOrder = Extract<CallerOrder, { kind: 'call' }>;

const LOOK_EVERY_MS = 200;
let ledger: DelegationLedger;
/** How to answer a question. */
const answers = new Map<string, () => void>();

process.on('message', (message) => {
  const order = message as CallerOrder;
  if (order.kind === 'connect') {
    [ledger] = ledgerOf(CALLER, order.ledger);
    report({ kind: 'connected' });
  } else if (order.kind === 'answer') answers.get(order.role)!();
  else void call(order);
});

async function call(order: CallOrder): Promise<void> {
  const { role, work } = order;
  const client = await clientOf(order);
  const ended = new AbortController();
  void watch(role, ended);
  try {
    const message = messageOf(Role.ROLE_USER, `a task for ${role}`, { metadata: { role, work } });
    const asked = await follow(role, client, message, ended.signal);
    if (asked === undefined) return;
    const { promise: answered, resolve } = Promise.withResolvers<void>();
    answers.set(role, resolve);
    report({ kind: 'asked', about: role });
    await answered;
    const metadata = { role, work: { workMs: 1_000, ending: 'completes' } };
    await follow(role, client, messageOf(Role.ROLE_USER, 'the first', { ...asked, metadata }), ended.signal);
  } catch {
    // The stream broke, or the ledger said that nothing more will come.
    report({ kind: 'broken', about: role });
  }
}

/** Streams one turn; the task's ids when the agent asks something. */
async function follow(role: string, client: Client, message: Message, signal: AbortSignal) {
  const params = { tenant: '', message, configuration: undefined, metadata: undefined };
  let ids: { taskId: string; contextId: string } | undefined;
  for await (const event of client.sendMessageStream(params, { signal })) {
    const { payload } = event;
    if (payload?.$case === 'task') ids = { taskId: payload.value.id, contextId: payload.value.contextId };
    const state = stateOf(event);
    if (state === TaskState.TASK_STATE_WORKING) report({ kind: 'working', about: role });
    if (state === TaskState.TASK_STATE_COMPLETED) report({ kind: 'delivered', about: role });
    if (state === TaskState.TASK_STATE_FAILED) report({ kind: 'failed', about: role });
    if (state === TaskState.TASK_STATE_INPUT_REQUIRED) return ids;
  }
  return undefined;
}

function stateOf({ payload }: StreamResponse): TaskState | undefined {
  if (payload?.$case !== 'task' && payload?.$case !== 'statusUpdate') return undefined;
  return payload.value.status?.state;
}

/** What the agent never says when it is dead: that the delegation has ended. */
async function watch(role: string, ended: AbortController): Promise<void> {
  for (;;) {
    await sleep(LOOK_EVERY_MS);
    const row = await ledger.get(delegationIdOf(role)).catch(() => null);
    if (row === null || !isTerminal(row.status)) continue;
    report({ kind: 'told', about: role, status: row.status });
    // A result of its own is on its way through the stream.
    if (row.status !== 'completed') ended.abort();
    return;
  }
}

async function clientOf({ role, agent, url, reconnects }: CallOrder): Promise<Client> {
  const transport = ledgerTransport(new JsonRpcTransportFactory(), {
    ledger,
    callerId: CALLER,
    delegation: { delegationId: delegationIdOf(role), calleeId: agent },
    ...(!reconnects && { reconnectForMs: 0 }),
  });
  return await new ClientFactory({ transports: [transport] }).createFromUrl(url);
}

function report(message: CallerReport): void {
  process.send!(message);
}
