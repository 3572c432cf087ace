/**
 * A scripted agent as a process of its own: the SDK's server over JSON-RPC, REST and gRPC. Standard output has a JSON line
 * for what its executor sees; standard input takes the names of gates to open, and the process ends with it.
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createInterface } from 'node:readline';
import { AGENT_CARD_PATH, type AgentCard } from '@a2a-js/sdk';
import { LegacyA2AService, legacyGrpcService } from '@a2a-js/sdk/compat/v0_3/server/grpc';
import {
  type AgentExecutor,
  DefaultPushNotificationSender,
  DefaultRequestHandler,
  InMemoryPushNotificationStore,
  InMemoryTaskStore,
  type TaskStore,
  UnauthenticatedUser,
  type User,
} from '@a2a-js/sdk/server';
import { DatabaseTaskStore } from '@a2a-js/sdk/server/database';
import { agentCardHandler, jsonRpcHandler, restHandler } from '@a2a-js/sdk/server/express';
import { A2AService, grpcService, UserBuilder } from '@a2a-js/sdk/server/grpc';
import { Server as GrpcServer, ServerCredentials } from '@grpc/grpc-js';
import express from 'express';
import { Kysely, PostgresDialect } from 'kysely';
import pg from 'pg';
import { LedgerTaskStore, ledgerExecutor } from '../../../src/a2a/index.ts';
import { openLedger } from '../../../src/index.ts';
import { type AgentOptions, CLOSE_GATES } from './agent-options.ts';
import { bindings, cardOf } from './card.ts';
import { mangling } from './mangling.ts';
import { ScriptedExecutor } from './scripted-executor.ts';

const options = JSON.parse(process.argv[2]!) as AgentOptions;
const report = (what: object) => process.stdout.write(`${JSON.stringify(what)}\n`);

const gates = new Map<string, PromiseWithResolvers<void>>();
const gate = (name: string) => {
  if (!gates.has(name)) gates.set(name, Promise.withResolvers());
  return gates.get(name)!;
};
createInterface({ input: process.stdin })
  .on('line', (line) => {
    if (line === CLOSE_GATES) gates.clear();
    else gate(line).resolve();
  })
  .on('close', () => process.exit());

const app = express();
const http = createServer(app);
await new Promise<void>((listening) => http.listen(options.port ?? 0, '127.0.0.1', listening));
const origin = `http://127.0.0.1:${(http.address() as AddressInfo).port}`;
const grpc = new GrpcServer();
const grpcPort = await new Promise<number>((bound, failed) =>
  grpc.bindAsync(`127.0.0.1:${options.grpcPort ?? 0}`, ServerCredentials.createInsecure(), (err, port) =>
    err ? failed(err) : bound(port),
  ),
);

const executor = new ScriptedExecutor({
  stamps: options.stamps ?? 'true',
  report,
  gate: (name) => gate(name).promise,
  cut: () => {
    http.closeAllConnections();
    grpc.drain(`127.0.0.1:${grpcPort}`, 0);
  },
});
const offered = options.offered ?? bindings;
const card = cardOf({
  name: options.name,
  offered,
  urls: { JSONRPC: `${origin}/jsonrpc`, 'HTTP+JSON': `${origin}/rest`, GRPC: `127.0.0.1:${grpcPort}` },
  version: options.version ?? '1.0',
  ...(options.streaming !== undefined && { streaming: options.streaming }),
  ...(options.tenant !== undefined && { tenant: options.tenant }),
});
const pushStore = new InMemoryPushNotificationStore();
const pushSender = new DefaultPushNotificationSender(pushStore);
const followed = await withLedger(taskStore(), executor);
const requestHandler = new DefaultRequestHandler(
  card,
  followed.store,
  followed.executor,
  undefined,
  pushStore,
  pushSender,
);
serve(requestHandler, card);
report({ event: 'listening', origin, card });

function taskStore(): TaskStore {
  if (options.taskStoreUrl === undefined) return new InMemoryTaskStore();
  const pool = new pg.Pool({ connectionString: options.taskStoreUrl, max: 2 });
  pool.on('error', () => undefined);
  return new DatabaseTaskStore(new Kysely<unknown>({ dialect: new PostgresDialect({ pool }) }));
}

async function withLedger(
  store: TaskStore,
  plain: AgentExecutor,
): Promise<{ store: TaskStore; executor: AgentExecutor }> {
  if (options.ledger === undefined) return { store, executor: plain };
  const { url, calleeId, callerId } = options.ledger;
  const ledger = await openLedger(url, { logger: { info() {}, warn() {}, error() {} } });
  const agentUrl = card.supportedInterfaces[0]!.url;
  const ledgerStore = new LedgerTaskStore(store, { ledger, agentUrl, calleeId, callerId: () => callerId });
  return { store: ledgerStore, executor: ledgerExecutor(plain, { store: ledgerStore }) };
}

function serve(handler: DefaultRequestHandler, { supportedInterfaces }: AgentCard): void {
  const legacyCompat = { enabled: supportedInterfaces.some(({ protocolVersion }) => protocolVersion === '0.3') };
  const common = { requestHandler: handler, userBuilder: async (req: express.Request) => userOf(req.headers) };
  if (options.reportsRequests) app.use(express.json({ type: ['json', '+json'] }), reportRequest);
  if (options.mangle) app.use(mangling(options.mangle));
  // The SDK's server would speak 1.0 with whoever asks for it: an agent of 0.3 has never heard of that.
  if (legacyCompat.enabled) app.use(withoutVersion);
  app.use(`/${AGENT_CARD_PATH}`, agentCardHandler({ agentCardProvider: handler, legacyCompat }));
  if (offered.includes('JSONRPC')) app.use('/jsonrpc', jsonRpcHandler({ ...common, legacyCompat }));
  if (offered.includes('HTTP+JSON')) app.use('/rest', restHandler({ ...common, legacyCompat }));
  const services = { requestHandler: handler, userBuilder: UserBuilder.noAuthentication };
  if (legacyCompat.enabled) grpc.addService(LegacyA2AService, legacyGrpcService(services));
  else grpc.addService(A2AService, grpcService(services));
}

function reportRequest(req: express.Request, _: express.Response, next: express.NextFunction): void {
  report({ event: 'request', request: [req.method, req.path, req.body?.method].filter(Boolean).join(' ') });
  next();
}

function withoutVersion(req: express.Request, _: express.Response, next: express.NextFunction): void {
  delete req.headers['a2a-version'];
  next();
}

/** Whoever calls, by the name that it gives. */
function userOf({ authorization }: { readonly authorization?: string | undefined }): User {
  if (authorization === undefined) return new UnauthenticatedUser();
  return { isAuthenticated: true, userName: authorization.replace('Bearer ', '') };
}
