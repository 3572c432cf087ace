/** An A2A server of the demo, in its own process: the SDK's, over HTTP on loopback, with the ledger under it or alone. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { AGENT_CARD_PATH, type AgentCard } from '@a2a-js/sdk';
import { type AgentExecutor, DefaultRequestHandler, InMemoryTaskStore, type TaskStore } from '@a2a-js/sdk/server';
import { agentCardHandler, jsonRpcHandler, UserBuilder } from '@a2a-js/sdk/server/express';
import express from 'express';
import { LedgerTaskStore, ledgerExecutor } from '../../a2a/index.ts';
import { endWithDemo } from '../end-with-demo.ts';
import { demoExecutor } from './executor.ts';
import { ledgerOf } from './ledger-of.ts';
import { CALLER, type LedgerPlace, type ServerOrder, type ServerReport } from './protocol.ts';

endWithDemo();

const [order] = (await once(process, 'message')) as [Extract<ServerOrder, { kind: 'serve' }>];
const app = express();
const server = createServer(app).listen(0, '127.0.0.1');
await once(server, 'listening');
const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
const { store, executor } = partsOf(order.agent, order.ledger);
const requestHandler = new DefaultRequestHandler(cardOf(order.agent), store, executor);
app.use(`/${AGENT_CARD_PATH}`, agentCardHandler({ agentCardProvider: requestHandler }));
app.use(jsonRpcHandler({ requestHandler, userBuilder: UserBuilder.noAuthentication }));
// The one other order is to cut.
process.on('message', () => server.closeAllConnections());
process.send!({ kind: 'listening', url } satisfies ServerReport);

function partsOf(agent: string, place: LedgerPlace | null): { store: TaskStore; executor: AgentExecutor } {
  if (place === null) return { store: new InMemoryTaskStore(), executor: demoExecutor };
  const [ledger] = ledgerOf(agent, place);
  const store = new LedgerTaskStore(new InMemoryTaskStore(), {
    ledger,
    agentUrl: url,
    calleeId: agent,
    callerId: () => CALLER,
  });
  return { store, executor: ledgerExecutor(demoExecutor, { store }) };
}

function cardOf(agent: string): AgentCard {
  return {
    name: agent,
    description: 'an agent of the demo',
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
