import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { ledgerTransport } from '../../../src/a2a/index.ts';
import { DelegationLedger, openLedger } from '../../../src/index.ts';
import { ScriptedAgent } from '../../support/a2a/agent-process.ts';
import { type Binding, bindings, type Version } from '../../support/a2a/card.ts';
import { capturedLog } from '../../support/fixtures.ts';
import { useDatabase } from '../../support/use-database.ts';
import { waitFor } from '../../support/wait-for.ts';
import { type Conversation, conversations } from './conversations.ts';
import { PushInbox } from './push-inbox.ts';
import { Stage, type StageOptions } from './stage.ts';

const versions = ['1.0', '0.3'] as const;
const undo = new AsyncDisposableStack();
// Before the database is dropped.
afterAll(() => undo.disposeAsync());
const database = useDatabase();
let inbox: PushInbox;
let ledger: DelegationLedger;
/** Its database cannot be reached. */
let brokenLedger: DelegationLedger;
/** The SDK alone, with the ledger under it, and with one that is away: an agent for each version. */
const kinds = ['alone', 'with the ledger', 'with the ledger away'] as const;
const agents = new Map<string, ScriptedAgent>();
/** Six processes. */
const START_MS = 300_000;
const AWAY = 'postgresql://127.0.0.1:1/nowhere';
beforeAll(async () => {
  inbox = undo.use(await PushInbox.open());
  ledger = new DelegationLedger(database.db, { logger: capturedLog().logger });
  brokenLedger = undo.use(await openLedger(AWAY, { logger: capturedLog().logger }));
  for (const version of versions) {
    for (const kind of kinds) {
      const place = kind === 'alone' ? undefined : kind === 'with the ledger' ? database.url : AWAY;
      const ledgerOption = place && { ledger: { url: place, calleeId: 'agent', callerId: 'caller' } };
      const agent = await ScriptedAgent.start({ name: 'agent', version, ...ledgerOption });
      agents.set(`${kind} ${version}`, undo.use(agent));
    }
  }
}, START_MS);
async function heard(conversation: Conversation, options: Omit<StageOptions, 'inbox'>): Promise<unknown> {
  const stage = await Stage.open({ ...options, inbox });
  stage.begin();
  await conversation.hold(stage);
  return stage.end();
}

/** By the SDK alone: what every other is compared with. */
const alone = new Map<string, Promise<unknown>>();
function heardAlone(conversation: Conversation, version: Version, binding: Binding): Promise<unknown> {
  const key = `${conversation.title} ${version} ${binding}`;
  if (!alone.has(key)) alone.set(key, heard(conversation, { agent: agents.get(`alone ${version}`)!, binding }));
  return alone.get(key)!;
}

describe.each(versions)('protocol %s', (version) => {
  const held = conversations.filter(({ since }) => since === undefined || since === version);
  describe.each(bindings)('over %s', (binding) => {
    describe.each(kinds.slice(1))('%s on both sides nothing is different in', (kind) => {
      const options = () => ({
        ledger: kind === 'with the ledger' ? ledger : brokenLedger,
        callerId: 'caller',
        ledgerWaitMaxMs: 100,
      });

      test.each(held)('$title', async (conversation) => {
        const agent = agents.get(`${kind} ${version}`)!;
        const decorate: StageOptions['decorate'] = (factory) => ledgerTransport(factory, options());
        const expected = await heardAlone(conversation, version, binding);
        expect(await heard(conversation, { agent, binding, decorate })).toEqual(expected);
      });
    });
  });
});

test('a transport that asks once more than the SDK is noticed', async () => {
  const [conversation] = conversations;
  const decorate: StageOptions['decorate'] = (factory) => ({
    protocolName: factory.protocolName,
    async create(...args) {
      const transport = await factory.create(...args);
      const { sendMessage } = transport;
      transport.sendMessage = async (...call) => {
        const result = await sendMessage.apply(transport, call);
        if ('status' in result) await transport.getTask({ tenant: '', id: result.id }, call[1]);
        return result;
      };
      return transport;
    },
  });
  const agent = agents.get('alone 1.0')!;
  const more = await heard(conversation!, { agent, binding: 'JSONRPC', decorate });
  expect(more).not.toEqual(await heardAlone(conversation!, '1.0', 'JSONRPC'));
});

test('the adapter was there: the ledger has the conversations of both sides, each task once, with its end', async () => {
  const rows = await database.query<{ status: string; tasks: number }>(
    'SELECT status, count(*)::int AS tasks FROM delegations GROUP BY status',
  );
  const count = (status: string) => rows.find((row) => row.status === status)?.tasks ?? 0;
  expect(count('completed')).toBeGreaterThan(60);
  expect(count('failed')).toBeGreaterThan(30);
  await waitFor('the last ones to end', async () => {
    const open = await database.query("SELECT FROM delegations WHERE status NOT IN ('completed', 'failed')");
    return open.length === 0;
  });
  const twice = await database.query('SELECT task_id FROM a2a_tasks GROUP BY tenant, task_id HAVING count(*) > 1');
  expect(twice).toEqual([]);
});
