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
const database = useDatabase();
const undo = new AsyncDisposableStack();
let inbox: PushInbox;
let ledger: DelegationLedger;
/** Its database cannot be reached. */
let brokenLedger: DelegationLedger;
/** Without the ledger, and with it: one for each version. */
const plain = {} as Record<Version, ScriptedAgent>;
const adapted = {} as Record<Version, ScriptedAgent>;
beforeAll(async () => {
  inbox = undo.use(await PushInbox.open());
  ledger = new DelegationLedger(database.db, { logger: capturedLog().logger });
  brokenLedger = undo.use(await openLedger('postgresql://127.0.0.1:1/nowhere', { logger: capturedLog().logger }));
  const start = async (version: Version) => undo.use(await ScriptedAgent.start({ name: 'agent', version }));
  for (const version of versions) {
    plain[version] = await start(version);
    adapted[version] = await start(version);
  }
});
afterAll(() => undo.disposeAsync());

async function heard(conversation: Conversation, options: Omit<StageOptions, 'inbox'>): Promise<unknown> {
  const stage = await Stage.open({ ...options, inbox });
  stage.begin();
  await conversation.hold(stage);
  return stage.end();
}

/** Without the adapter: the same for every comparison. */
const alone = new Map<string, Promise<unknown>>();
function heardAlone(conversation: Conversation, version: Version, binding: Binding): Promise<unknown> {
  const key = `${conversation.title} ${version} ${binding}`;
  if (!alone.has(key)) alone.set(key, heard(conversation, { agent: plain[version], binding }));
  return alone.get(key)!;
}

describe.each(versions)('protocol %s', (version) => {
  const held = conversations.filter(({ since }) => since === undefined || since === version);
  describe.each(bindings)('over %s: the adapter changes nothing in', (binding) => {
    test.each(held)('$title', async (conversation) => {
      const expected = await heardAlone(conversation, version, binding);
      const decorate: StageOptions['decorate'] = (factory) => ledgerTransport(factory, { ledger, callerId: 'caller' });
      expect(await heard(conversation, { agent: adapted[version], binding, decorate })).toEqual(expected);
    });

    test.each(held)('$title, while the ledger is away', async (conversation) => {
      const expected = await heardAlone(conversation, version, binding);
      const decorate: StageOptions['decorate'] = (factory) =>
        ledgerTransport(factory, { ledger: brokenLedger, callerId: 'caller', ledgerWaitMaxMs: 50 });
      expect(await heard(conversation, { agent: adapted[version], binding, decorate })).toEqual(expected);
    });
  });
});

test('the adapter was there: the ledger has the conversations', async () => {
  const ended = async () => (await database.query("SELECT FROM delegations WHERE status = 'completed'")).length > 50;
  await waitFor('delegations', ended);
});
