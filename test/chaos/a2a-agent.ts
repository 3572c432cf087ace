/**
 * One A2A agent of the chaos fleet: the SDK's server with the ledger under it. It works on each task in silence, for which its
 * heartbeats answer, and delivers a result. Ends when its standard input does; after the word `finish` when it has no task.
 */
import { once } from 'node:events';
import { openSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { TaskState } from '@a2a-js/sdk';
import { AgentEvent, type AgentExecutor, DefaultRequestHandler, InMemoryTaskStore } from '@a2a-js/sdk/server';
import { jsonRpcHandler, UserBuilder } from '@a2a-js/sdk/server/express';
import express from 'express';
import { LedgerTaskStore, ledgerExecutor } from '../../src/a2a/index.ts';
import { cardOf } from '../support/a2a/card.ts';
import { type A2aWork, messageOf, statusOf } from './a2a-message.ts';
import { writeDiary } from './diary.ts';
import { writeHeartbeats } from './heartbeat-diary.ts';
import { openMemberDatabase } from './member-database.ts';

export interface A2aAgentOptions {
  readonly url: string;
  readonly diary: string;
  readonly agent: string;
  /** Where it is reached. */
  readonly agentUrl: string;
  readonly callerId: string;
  readonly stuckAfterMs: number;
}

const options = JSON.parse(process.argv[2]!) as A2aAgentOptions;
const diary = openSync(options.diary, 'a');
let tasks = 0;
let finishing = false;
const finish = () => {
  if (finishing && tasks === 0) process.exit(0);
};
createInterface({ input: process.stdin })
  .on('line', () => {
    finishing = true;
    finish();
  })
  // The parent has ended.
  .on('close', () => process.exit(1));

const { db, ledger } = openMemberDatabase({ ...options, max: 4 });
writeHeartbeats(db, (entry) => writeDiary(diary, entry));

const executor: AgentExecutor = {
  async execute({ taskId, contextId, userMessage }, bus) {
    tasks += 1;
    const { workMs, result } = userMessage.metadata as unknown as A2aWork;
    const ids = { taskId, contextId };
    const working = statusOf(TaskState.TASK_STATE_WORKING);
    bus.publish(
      AgentEvent.task({
        id: taskId,
        contextId,
        status: working,
        artifacts: [],
        history: [userMessage],
        metadata: undefined,
      }),
    );
    await sleep(workMs);
    const status = statusOf(TaskState.TASK_STATE_COMPLETED, messageOf(`result ${taskId}`, result));
    bus.publish(AgentEvent.statusUpdate({ ...ids, status, metadata: undefined }));
    tasks -= 1;
    // What was published is saved, and answered, by then.
    if (finishing) setTimeout(finish, options.stuckAfterMs);
  },
  async cancelTask() {},
};

const server = createServer().listen(0, '127.0.0.1');
await once(server, 'listening');
const { agent: calleeId, agentUrl, callerId } = options;
const card = cardOf({
  name: calleeId,
  urls: { JSONRPC: agentUrl, 'HTTP+JSON': agentUrl, GRPC: agentUrl },
  version: '1.0',
});
const store = new LedgerTaskStore(new InMemoryTaskStore(), { ledger, agentUrl, calleeId, callerId: () => callerId });
const requestHandler = new DefaultRequestHandler(card, store, ledgerExecutor(executor, { store }));
server.on('request', express().use(jsonRpcHandler({ requestHandler, userBuilder: UserBuilder.noAuthentication })));
process.stdout.write(`${JSON.stringify({ port: (server.address() as AddressInfo).port, card })}\n`);
