/**
 * A caller of an A2A agent, whose calls are delegations. It needs `npm install @a2a-js/sdk kysely pg` next to
 * delegation-sweeper. DATABASE_URL: the ledger. AGENT_URL: default http://127.0.0.1:4100, that of a2a-callee.ts.
 */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Role, taskStateToJSON } from '@a2a-js/sdk';
import { ClientFactory, JsonRpcTransportFactory, RestTransportFactory } from '@a2a-js/sdk/client';
import { isTerminal, openLedger } from 'delegation-sweeper';
import { ledgerTransport } from 'delegation-sweeper/a2a';

await using ledger = await openLedger(process.env.DATABASE_URL!);
const delegationId = randomUUID();

// The ledger: around the factories of the transports. Without `delegation` it chooses an id itself.
const transports = [new JsonRpcTransportFactory(), new RestTransportFactory()].map((factory) =>
  ledgerTransport(factory, { ledger, callerId: 'planner', delegation: { delegationId, calleeId: 'coder' } }),
);
const client = await new ClientFactory({ transports }).createFromUrl(process.env.AGENT_URL ?? 'http://127.0.0.1:4100');

// An agent that has died says nothing, but the ledger does: the call ends when its delegation has.
const ended = new AbortController();
const watching = (async () => {
  while (!ended.signal.aborted) {
    const row = await ledger.get(delegationId).catch(() => null);
    if (row !== null && isTerminal(row.status) && row.status !== 'completed') ended.abort(new Error(row.errorDetail ?? ''));
    await sleep(1_000, undefined, { signal: ended.signal }).catch(() => {});
  }
})();

const message = {
  messageId: randomUUID(),
  role: Role.ROLE_USER,
  parts: [{ content: { $case: 'text' as const, value: 'fix the build' }, metadata: {}, filename: '', mediaType: '' }],
  contextId: '',
  taskId: '',
  metadata: {},
  extensions: [],
  referenceTaskIds: [],
};
const request = { tenant: '', message, configuration: undefined, metadata: {} };
try {
  for await (const { payload } of client.sendMessageStream(request, { signal: ended.signal })) {
    if (payload?.$case === 'artifactUpdate') console.log('artifact', payload.value.artifact?.name);
    else if (payload?.$case === 'message') console.log('message', payload.value.messageId);
    else console.log(taskStateToJSON(payload!.value.status!.state));
  }
} catch (err) {
  if (!ended.signal.aborted) throw err;
  console.log(`given up: ${ended.signal.reason.message}`);
}
ended.abort();
await watching;
console.log(await ledger.get(delegationId));
