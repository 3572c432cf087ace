/**
 * An A2A agent whose tasks are delegations. It needs `npm install @a2a-js/sdk express kysely pg` next to delegation-sweeper.
 * DATABASE_URL: the ledger. PORT: default 4100. WORK_MS: how long it works, default 500.
 */
import { createServer } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { AGENT_CARD_PATH, type AgentCard, TaskState } from '@a2a-js/sdk';
import { AgentEvent, type AgentExecutor, DefaultRequestHandler, InMemoryTaskStore } from '@a2a-js/sdk/server';
import { agentCardHandler, jsonRpcHandler, UserBuilder } from '@a2a-js/sdk/server/express';
import { openLedger } from 'delegation-sweeper';
import { LedgerTaskStore, ledgerExecutor, TaskWatch } from 'delegation-sweeper/a2a';
import express from 'express';

const port = Number(process.env.PORT ?? 4100);
const url = `http://127.0.0.1:${port}/`;

/** Your agent. It knows nothing of the ledger. */
const coder: AgentExecutor = {
  async execute({ taskId, contextId, userMessage }, bus) {
    const status = (state: TaskState) => ({ state, message: undefined, timestamp: new Date().toISOString() });
    const working = status(TaskState.TASK_STATE_WORKING);
    bus.publish(
      AgentEvent.task({ id: taskId, contextId, status: working, artifacts: [], history: [userMessage], metadata: {} }),
    );
    await sleep(Number(process.env.WORK_MS ?? 500)); // the work
    const artifact = {
      artifactId: 'patch',
      name: 'patch',
      description: '',
      parts: [{ content: { $case: 'text' as const, value: 'all green' }, metadata: {}, filename: '', mediaType: '' }],
      metadata: {},
      extensions: [],
    };
    bus.publish(
      AgentEvent.artifactUpdate({ taskId, contextId, artifact, append: false, lastChunk: true, metadata: {} }),
    );
    const completed = status(TaskState.TASK_STATE_COMPLETED);
    bus.publish(AgentEvent.statusUpdate({ taskId, contextId, status: completed, metadata: {} }));
  },
  async cancelTask() {},
};

const card: AgentCard = {
  name: 'coder',
  description: 'fixes builds',
  supportedInterfaces: [{ url, protocolBinding: 'JSONRPC', tenant: '', protocolVersion: '1.0' }],
  provider: undefined,
  version: '1.0.0',
  capabilities: { streaming: true, extensions: [] },
  securitySchemes: {},
  securityRequirements: [],
  defaultInputModes: ['text/plain'],
  defaultOutputModes: ['text/plain'],
  skills: [],
  signatures: [],
};

// The ledger: around the store and the executor, and a watch that tells callers what the ledger gave up.
await using ledger = await openLedger(process.env.DATABASE_URL!);
const store = new LedgerTaskStore(new InMemoryTaskStore(), {
  ledger,
  agentUrl: url,
  calleeId: 'coder',
  callerId: ({ user }) => (user?.isAuthenticated ? user.userName : 'planner'),
});
await using _watch = new TaskWatch({ store });

const requestHandler = new DefaultRequestHandler(card, store, ledgerExecutor(coder, { store }));
const app = express()
  .use(`/${AGENT_CARD_PATH}`, agentCardHandler({ agentCardProvider: requestHandler }))
  .use('/', jsonRpcHandler({ requestHandler, userBuilder: UserBuilder.noAuthentication }));
const server = createServer(app).listen(port, '127.0.0.1', () => console.log(`coder listens on ${url}`));

// Until it is told to end, and then what is open is closed.
await new Promise((ended) => process.once('SIGTERM', ended).once('SIGINT', ended));
server.close();
server.closeAllConnections();
