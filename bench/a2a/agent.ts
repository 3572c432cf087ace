import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type AgentCard, Role, type SendMessageRequest, TaskState } from '@a2a-js/sdk';
import { type Client, ClientFactory, JsonRpcTransportFactory, type TransportFactory } from '@a2a-js/sdk/client';
import { AgentEvent, type AgentExecutor, DefaultRequestHandler, InMemoryTaskStore } from '@a2a-js/sdk/server';
import { jsonRpcHandler, UserBuilder } from '@a2a-js/sdk/server/express';
import express from 'express';
import { LedgerTaskStore, ledgerExecutor } from '../../src/a2a/index.ts';
import type { DelegationLedger } from '../../src/ledger/ledger.ts';

export const CALLER = 'caller';
const CALLEE = 'callee';

/** Publishes as many events as the message says, at once: whatever a call costs is the cost of the call itself. */
const executor: AgentExecutor = {
  async execute({ taskId, contextId, userMessage }, bus) {
    const { events } = userMessage.metadata as { readonly events: number };
    const status = (state: TaskState) => ({ state, message: undefined, timestamp: new Date().toISOString() });
    const update = (state: TaskState) =>
      AgentEvent.statusUpdate({ taskId, contextId, status: status(state), metadata: undefined });
    bus.publish(
      AgentEvent.task({
        id: taskId,
        contextId,
        status: status(TaskState.TASK_STATE_WORKING),
        artifacts: [],
        history: [userMessage],
        metadata: undefined,
      }),
    );
    for (let n = 2; n < events; n += 1) bus.publish(update(TaskState.TASK_STATE_WORKING));
    bus.publish(update(TaskState.TASK_STATE_COMPLETED));
  },
  async cancelTask() {},
};

/** An agent of the SDK's over HTTP on loopback, in this process; with a ledger under it where one is given. */
export class BenchAgent implements AsyncDisposable {
  readonly #server = createServer();
  #card: AgentCard | undefined;

  static async serve(ledger?: DelegationLedger): Promise<BenchAgent> {
    const agent = new BenchAgent();
    agent.#server.listen(0, '127.0.0.1');
    await once(agent.#server, 'listening');
    const card = cardOf(`http://127.0.0.1:${(agent.#server.address() as AddressInfo).port}/`);
    agent.#card = card;
    const handler = ledger === undefined ? plain(card) : followed(card, ledger);
    const app = express().use(jsonRpcHandler({ requestHandler: handler, userBuilder: UserBuilder.noAuthentication }));
    agent.#server.on('request', app);
    return agent;
  }

  client(decorate: (factory: TransportFactory) => TransportFactory = (factory) => factory): Promise<Client> {
    return new ClientFactory({ transports: [decorate(new JsonRpcTransportFactory())] }).createFromAgentCard(
      this.#card!,
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((closed) => this.#server.close(closed));
  }
}

export function requestOf(events: number): SendMessageRequest {
  return {
    tenant: '',
    message: {
      messageId: randomUUID(),
      contextId: '',
      taskId: '',
      role: Role.ROLE_USER,
      parts: [
        { content: { $case: 'text', value: 'a task' }, metadata: undefined, filename: '', mediaType: 'text/plain' },
      ],
      metadata: { events },
      extensions: [],
      referenceTaskIds: [],
    },
    configuration: undefined,
    metadata: undefined,
  };
}

function plain(card: AgentCard): DefaultRequestHandler {
  return new DefaultRequestHandler(card, new InMemoryTaskStore(), executor);
}

function followed(card: AgentCard, ledger: DelegationLedger): DefaultRequestHandler {
  const agentUrl = card.supportedInterfaces[0]!.url;
  const options = { ledger, agentUrl, calleeId: CALLEE, callerId: () => CALLER };
  const store = new LedgerTaskStore(new InMemoryTaskStore(), options);
  return new DefaultRequestHandler(card, store, ledgerExecutor(executor, { store }));
}

function cardOf(url: string): AgentCard {
  return {
    name: 'bench',
    description: '',
    supportedInterfaces: [{ url, protocolBinding: 'JSONRPC', tenant: '', protocolVersion: '1.0' }],
    provider: undefined,
    version: '1.0.0',
    capabilities: { streaming: true, pushNotifications: false, extensions: [], extendedAgentCard: false },
    securitySchemes: {},
    securityRequirements: [],
    defaultInputModes: ['text/plain'],
    defaultOutputModes: ['text/plain'],
    skills: [],
    signatures: [],
  };
}
