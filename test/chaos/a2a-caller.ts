/**
 * The caller of the chaos fleet's A2A agents: the SDK's client with the ledger in its transport, several calls at a time.
 * Its standard input has the agents that there are, a line of JSON each time they change; after `finish` it ends its calls
 * and waits until the ledger has the results that it got.
 */
import { openSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { type AgentCard, type StreamResponse, TaskState } from '@a2a-js/sdk';
import { ClientFactory, JsonRpcTransportFactory } from '@a2a-js/sdk/client';
import { ledgerTransport } from '../../src/a2a/index.ts';
import { isTerminal } from '../../src/index.ts';
import { messageOf } from './a2a-message.ts';
import { writeDiary } from './diary.ts';
import { openMemberDatabase } from './member-database.ts';
import { Random } from './random.ts';

export interface A2aCallerOptions {
  readonly url: string;
  readonly diary: string;
  readonly caller: string;
  readonly seed: number;
  readonly lanes: number;
  readonly stuckAfterMs: number;
}

const options = JSON.parse(process.argv[2]!) as A2aCallerOptions;
const random = new Random(options.seed);
const diary = openSync(options.diary, 'a');
const RECORDED_WITHIN_MS = 60_000;
let agents: readonly AgentCard[] = [];
let finishing = false;
/** Message ids of the results that it got. */
const results: string[] = [];

createInterface({ input: process.stdin })
  .on('line', (line) => {
    if (line === 'finish') finishing = true;
    else agents = JSON.parse(line);
  })
  // The parent has ended.
  .on('close', () => process.exit(1));

const { ledger } = openMemberDatabase({ ...options, max: options.lanes + 1 });
await Promise.all(Array.from({ length: options.lanes }, (_, lane) => callInLane(lane)));
await recorded();
process.exit(0);

async function callInLane(lane: number): Promise<void> {
  for (let count = 0; !finishing; count += 1) {
    if (agents.length === 0) await sleep(100);
    // An agent that was killed, or cut off: the call fails, as it should.
    else await call(`${options.caller}-${lane}-${count}`, random.pick(agents)).catch(() => sleep(200));
  }
}

async function call(id: string, card: AgentCard): Promise<void> {
  const transport = ledgerTransport(new JsonRpcTransportFactory(), {
    ledger,
    callerId: options.caller,
    delegation: { delegationId: id, calleeId: card.name },
    reconnectForMs: options.stuckAfterMs,
  });
  const client = await new ClientFactory({ transports: [transport] }).createFromAgentCard(card);
  const result = `result of ${id}`;
  const workMs = random.between(0.2, 1.8) * options.stuckAfterMs;
  const message = messageOf(id, `task ${id}`, { workMs, result });
  const askedAt = Date.now();
  const params = { tenant: '', message, configuration: undefined, metadata: undefined };
  for await (const event of client.sendMessageStream(params)) {
    if (!isCompleted(event)) continue;
    writeDiary(diary, { did: 'saw', id, key: id, text: result, outcome: 'completed', askedAt, answeredAt: Date.now() });
    results.push(id);
  }
}

function isCompleted({ payload }: StreamResponse): boolean {
  if (payload?.$case !== 'task' && payload?.$case !== 'statusUpdate') return false;
  return payload.value.status?.state === TaskState.TASK_STATE_COMPLETED;
}

/** What could not be written in a call's time is written later. */
async function recorded(): Promise<void> {
  const giveUpAt = performance.now() + RECORDED_WITHIN_MS;
  for (const id of results) {
    while (performance.now() < giveUpAt) {
      const row = await ledger.get(id).catch(() => undefined);
      // Null: its agent recorded it first, under another id.
      if (row === null || (row !== undefined && isTerminal(row.status))) break;
      await sleep(200);
    }
  }
}
