import type { TransportFactory } from '@a2a-js/sdk/client';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { ledgerTransport } from '../../../src/a2a/index.ts';
import type { AgentOptions } from '../../support/a2a/agent-options.ts';
import { ScriptedAgent } from '../../support/a2a/agent-process.ts';
import { type Binding, bindings } from '../../support/a2a/card.ts';
import { testLedger } from '../../support/fixtures.ts';
import { useDatabase } from '../../support/use-database.ts';
import { waitFor } from '../../support/wait-for.ts';
import { PushInbox } from './push-inbox.ts';
import { Stage } from './stage.ts';

/** Ten processes. */
const START_MS = 300_000;
const TEN_MB = 10_000_000;

interface Odd {
  readonly what: string;
  readonly options: Partial<AgentOptions>;
  readonly script: string;
  /** Over which it differs from any other agent. */
  readonly over: readonly Binding[];
}

const work = 'submitted; working; beat 3 1; artifact one; complete done';
const odd: readonly Odd[] = [
  { what: 'whose clock is an hour behind', options: { stamps: 'hour behind' }, script: work, over: bindings },
  { what: 'whose clock is an hour ahead', options: { stamps: 'hour ahead' }, script: work, over: bindings },
  { what: 'whose timestamps stand still', options: { stamps: 'frozen' }, script: work, over: bindings },
  {
    what: 'whose state the SDK does not know',
    options: { mangle: { TASK_STATE_WORKING: 'TASK_STATE_PAUSED' } },
    script: work,
    over: ['JSONRPC', 'HTTP+JSON'],
  },
  {
    what: 'whose answer has 10 MB',
    options: {},
    script: `working; big ${TEN_MB}; complete`,
    over: ['JSONRPC', 'HTTP+JSON'],
  },
];

const undo = new AsyncDisposableStack();
// Before the database is dropped.
afterAll(() => undo.disposeAsync());
const database = useDatabase();
const agents = new Map<string, ScriptedAgent>();
let inbox: PushInbox;
beforeAll(async () => {
  inbox = undo.use(await PushInbox.open());
  for (const { what, options } of odd) {
    const ledger = { url: database.url, calleeId: 'agent', callerId: 'caller' };
    agents.set(`${what} alone`, undo.use(await ScriptedAgent.start({ name: 'agent', ...options })));
    agents.set(`${what} followed`, undo.use(await ScriptedAgent.start({ name: 'agent', ...options, ledger })));
  }
}, START_MS);

/** A call, what it looks like afterwards, and a stream where it is not too large for one event. */
async function heard(
  agent: ScriptedAgent,
  { script }: Odd,
  binding: Binding,
  decorate?: (f: TransportFactory) => TransportFactory,
) {
  const stage = await Stage.open({ agent, binding, inbox, ...(decorate && { decorate }) });
  stage.begin();
  const task = await stage.sees(stage.client.sendMessage(stage.message(script)));
  if (task !== undefined && 'id' in task) {
    await stage.sees(stage.client.getTask({ tenant: '', id: task.id, historyLength: undefined }));
  }
  const streams = script === work;
  if (streams) await stage.streams(stage.client.sendMessageStream(stage.message(script)));
  await stage.returned(streams ? 2 : 1);
  return stage.end();
}

describe.each(odd)('an agent $what', (one) => {
  test.each(one.over)(
    'over %s: with the adapter on both sides the same is heard, and the ledger has the end',
    async (binding) => {
      const { ledger } = testLedger(database.db);
      const decorate = (factory: TransportFactory) => ledgerTransport(factory, { ledger, callerId: 'caller' });
      const before = (await ended()).length;
      const expected = await heard(agents.get(`${one.what} alone`)!, one, binding);
      expect(await heard(agents.get(`${one.what} followed`)!, one, binding, decorate)).toEqual(expected);
      const calls = one.script === work ? 2 : 1;
      await waitFor('the ends', async () => (await ended()).length === before + calls);
      const now = await database.query('SELECT FROM delegations WHERE last_heartbeat > clock_timestamp()');
      expect(now).toEqual([]);
    },
  );
});

function ended() {
  return database.query("SELECT FROM delegations WHERE status = 'completed'");
}
