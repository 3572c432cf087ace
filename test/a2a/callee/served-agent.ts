import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { AgentCard } from '@a2a-js/sdk';
import { type Client, ClientFactory, JsonRpcTransportFactory } from '@a2a-js/sdk/client';
import {
  type AgentExecutor,
  DefaultExecutionEventBusManager,
  DefaultPushNotificationSender,
  DefaultRequestHandler,
  InMemoryPushNotificationStore,
  InMemoryTaskStore,
  type PushNotificationStore,
  type TaskStore,
  UnauthenticatedUser,
} from '@a2a-js/sdk/server';
import { jsonRpcHandler } from '@a2a-js/sdk/server/express';
import express from 'express';
import { type CalleeOptions, LedgerTaskStore, ledgerExecutor } from '../../../src/a2a/index.ts';
import type { DelegationLedger } from '../../../src/index.ts';
import { cardOf } from '../../support/a2a/card.ts';

export interface AgentShape {
  readonly ledger: DelegationLedger;
  readonly executor: Partial<AgentExecutor>;
  /** Default: a new one in memory. */
  readonly taskStore?: TaskStore;
  readonly pushStore?: PushNotificationStore;
  readonly options?: Partial<CalleeOptions>;
}

export const agentUrl = 'http://coder.example/a2a';

/** An agent on the loopback interface: the SDK's server over JSON-RPC, with the ledger in place. */
export async function serveAgent({ ledger, executor, taskStore = new InMemoryTaskStore(), ...shape }: AgentShape) {
  const app = express();
  const http = createServer(app);
  await new Promise<void>((listening) => http.listen(0, '127.0.0.1', listening));
  const url = `http://127.0.0.1:${(http.address() as AddressInfo).port}/jsonrpc`;
  const card: AgentCard = cardOf({
    name: 'coder',
    urls: { JSONRPC: url, 'HTTP+JSON': url, GRPC: url },
    version: '1.0',
  });
  const store = new LedgerTaskStore(taskStore, { ledger, agentUrl, calleeId: 'coder', ...shape.options });
  const wrapped = ledgerExecutor({ execute: async () => {}, cancelTask: async () => {}, ...executor }, { store });
  const pushStore = shape.pushStore ?? new InMemoryPushNotificationStore();
  const pushNotificationSender = new DefaultPushNotificationSender(pushStore);
  const eventBusManager = new DefaultExecutionEventBusManager();
  const requestHandler = new DefaultRequestHandler(
    card,
    store,
    wrapped,
    eventBusManager,
    pushStore,
    pushNotificationSender,
  );
  app.use(
    '/jsonrpc',
    jsonRpcHandler({
      requestHandler,
      userBuilder: async ({ headers: { authorization } }) =>
        authorization === undefined
          ? new UnauthenticatedUser()
          : { isAuthenticated: true, userName: authorization.replace('Bearer ', '') },
    }),
  );
  return {
    card,
    store,
    executor: wrapped,
    pushNotificationSender,
    eventBusManager,
    pushStore,
    client: (userName?: string): Promise<Client> => {
      const named: typeof fetch = (input, init) => {
        const headers = new Headers(init?.headers);
        if (userName !== undefined) headers.set('authorization', `Bearer ${userName}`);
        return fetch(input, { ...init, headers });
      };
      const factory = new ClientFactory({ transports: [new JsonRpcTransportFactory({ fetchImpl: named })] });
      return factory.createFromAgentCard(card);
    },
    [Symbol.asyncDispose]: async () => {
      http.closeAllConnections();
      await new Promise((closed) => http.close(closed));
    },
  };
}

/** A webhook that keeps what was posted to it. */
export async function serveWebhook() {
  const posts: { readonly state: string; readonly text: string }[] = [];
  const app = express();
  app.post('/', express.json({ type: () => true }), ({ body }, response) => {
    const status = body.statusUpdate?.status ?? body.task?.status;
    posts.push({ state: status?.state, text: status?.message?.parts?.[0]?.text });
    response.end();
  });
  const http = createServer(app);
  await new Promise<void>((listening) => http.listen(0, '127.0.0.1', listening));
  return {
    url: `http://127.0.0.1:${(http.address() as AddressInfo).port}/`,
    posts,
    [Symbol.asyncDispose]: async () => {
      http.closeAllConnections();
      await new Promise((closed) => http.close(closed));
    },
  };
}
