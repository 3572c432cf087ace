import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { ScriptedAgent } from '../../support/a2a/agent-process.ts';
import { bindings } from '../../support/a2a/card.ts';
import { conversations } from './conversations.ts';
import { PushInbox } from './push-inbox.ts';
import { Stage } from './stage.ts';

const undo = new AsyncDisposableStack();
let inbox: PushInbox;
const agents = {} as Record<string, ScriptedAgent>;
beforeAll(async () => {
  inbox = undo.use(await PushInbox.open());
  for (const name of ['plain', 'plain2'])
    for (const version of ['1.0', '0.3'] as const) {
      agents[`${name} ${version}`] = undo.use(await ScriptedAgent.start({ name: 'agent', version }));
    }
});
afterAll(() => undo.disposeAsync());

describe.each(['1.0', '0.3'] as const)('protocol %s', (version) => {
  describe.each(bindings)('over %s', (binding) => {
    test.each(conversations.filter(({ since }) => since === undefined || since === version))(
      '$title',
      async (conversation) => {
        const run = async (which: string) => {
          const stage = await Stage.open({ agent: agents[`${which} ${version}`]!, binding, inbox });
          stage.begin();
          await conversation.hold(stage);
          return stage.end();
        };
        const a = await run('plain');
        if (process.env.SHOW) console.log(JSON.stringify(a, null, 1));
        expect(await run('plain2')).toEqual(a);
      },
    );
  });
});
