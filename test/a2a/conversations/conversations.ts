import type { StreamResponse, Task } from '@a2a-js/sdk';
import { waitFor } from '../../support/wait-for.ts';
import type { Stage } from './stage.ts';

/** A conversation between a client and an agent. `since` 1.0: the former protocol has no such call. */
export interface Conversation {
  readonly title: string;
  readonly since?: '1.0';
  readonly hold: (stage: Stage) => Promise<void>;
}

const get = (id: string, historyLength?: number) => ({ tenant: '', id, historyLength });
const cancel = (id: string) => ({ tenant: '', id, metadata: undefined });
const subscribe = (id: string) => ({ tenant: '', id });
const taskOf = ({ payload }: StreamResponse) => payload?.$case === 'task' && payload.value;

export const conversations: readonly Conversation[] = [
  {
    title: 'a call that waits for the result',
    async hold(stage) {
      const script = 'submitted; working reading; artifact report; working writing; complete here it is';
      const task = (await stage.sees(stage.client.sendMessage(stage.message(script)))) as Task;
      await stage.sees(stage.client.getTask(get(task.id)));
      await stage.returned(1);
    },
  },
  {
    title: 'calls that fail, are rejected, and whose executor throws',
    async hold(stage) {
      for (const script of [
        'working; fail out of ideas',
        'reject not my job',
        'working; throw broken',
        'throw at once',
      ]) {
        await stage.sees(stage.client.sendMessage(stage.message(script)));
      }
      await stage.returned(4);
    },
  },
  {
    title: 'streams that complete, fail, and whose executor throws',
    async hold(stage) {
      const scripts = [
        'submitted; working; artifact one; artifact two; beat 3 1; complete done',
        'working; fail out of ideas',
        'working; throw broken',
        'throw at once',
      ];
      for (const script of scripts) await stage.streams(stage.client.sendMessageStream(stage.message(script)));
      await stage.returned(4);
    },
  },
  {
    title: 'a call that returns at once, and polls until it is done',
    async hold(stage) {
      const gate = stage.gate('done', this.title);
      const message = stage.message(`submitted; gate ${gate}; working; complete done`, { returnImmediately: true });
      const { id } = (await stage.sees(stage.client.sendMessage(message))) as Task;
      for (let poll = 0; poll < 3; poll += 1) await stage.sees(stage.client.getTask(get(id)));
      stage.agent.open(gate);
      await stage.returned(1);
      await stage.sees(stage.client.getTask(get(id)));
    },
  },
  {
    title: 'a message that is answered by a message, called and streamed',
    async hold(stage) {
      await stage.sees(stage.client.sendMessage(stage.message('message hello')));
      await stage.streams(stage.client.sendMessageStream(stage.message('message hello again')));
      await stage.returned(2);
    },
  },
  {
    title: 'several turns: it asks, is answered, asks again, by calls and by streams',
    async hold(stage) {
      const { client } = stage;
      const first = (await stage.sees(client.sendMessage(stage.message('working; ask which one?')))) as Task;
      const ids = { taskId: first.id, contextId: first.contextId };
      await stage.sees(client.sendMessage(stage.message('working; ask really?', ids)));
      await stage.streams(client.sendMessageStream(stage.message('working; artifact it; complete done', ids)));
      await stage.sees(client.sendMessage(stage.message('working; complete too late', ids)));
      await stage.returned(3);
    },
  },
  {
    title: 'an authorisation that is given elsewhere',
    async hold(stage) {
      const gate = stage.gate('granted', this.title);
      const message = stage.message(`working; auth sign in; gate ${gate}; working; complete done`);
      const { id } = (await stage.sees(stage.client.sendMessage(message))) as Task;
      stage.agent.open(gate);
      await stage.returned(1);
      await stage.sees(stage.client.getTask(get(id)));
    },
  },
  {
    title: 'a cancellation during a stream, of a task that is over, and of an unknown one',
    async hold(stage) {
      const { client } = stage;
      let id = '';
      await stage.streams(client.sendMessageStream(stage.message('working; hang')), async (event) => {
        const task = taskOf(event);
        if (!task) return;
        id = task.id;
        await stage.sees(client.cancelTask(cancel(id)));
      });
      await stage.returned(1);
      await stage.sees(client.getTask(get(id)));
      await stage.sees(client.cancelTask(cancel(id)));
      await stage.sees(client.cancelTask(cancel('nowhere')));
    },
  },
  {
    title: 'a second subscriber, who comes later; and a subscription after the end',
    async hold(stage) {
      const { client } = stage;
      const gate = stage.gate('go', this.title);
      const message = stage.message(`working; gate ${gate}; artifact one; complete done`);
      let second: Promise<void> | undefined;
      let id = '';
      await stage.streams(client.sendMessageStream(message), async (event) => {
        const task = taskOf(event);
        if (!task) return;
        id = task.id;
        await new Promise<void>((subscribed) => {
          second = stage.streams(client.resubscribeTask(subscribe(id)), () => subscribed());
        });
        stage.agent.open(gate);
      });
      await second;
      await stage.returned(1);
      await stage.streams(client.resubscribeTask(subscribe(id)));
      await stage.streams(client.resubscribeTask(subscribe('nowhere')));
    },
  },
  {
    title: 'push notifications, of a call and of a configuration made later',
    async hold(stage) {
      const { client, inbox } = stage;
      const push = { url: inbox.url, token: 'hush' };
      const script = 'submitted; working; artifact one; complete done';
      await stage.sees(client.sendMessage(stage.message(script, { push })));
      await stage.pushed(4);
      const gate = stage.gate('go', this.title);
      const later = stage.message(`working; gate ${gate}; complete done`, { returnImmediately: true });
      const { id } = (await stage.sees(client.sendMessage(later))) as Task;
      const config = { tenant: '', id: 'later', taskId: id, url: inbox.url, token: 'hush', authentication: undefined };
      await stage.sees(client.createTaskPushNotificationConfig(config));
      await stage.sees(client.getTaskPushNotificationConfig({ tenant: '', taskId: id, id: 'later' }));
      await stage.sees(client.listTaskPushNotificationConfig({ tenant: '', taskId: id, pageSize: 0, pageToken: '' }));
      stage.agent.open(gate);
      await stage.returned(2);
      await stage.pushed(5);
      await stage.sees(
        client.deleteTaskPushNotificationConfig({ tenant: '', taskId: id, id: 'later' }).then(() => undefined),
      );
      await stage.sees(client.getTaskPushNotificationConfig({ tenant: '', taskId: id, id: 'later' }));
    },
  },
  {
    title: 'messages that the agent refuses',
    async hold(stage) {
      const { client } = stage;
      await stage.sees(client.sendMessage(stage.message('working', { taskId: 'nowhere' })));
      await stage.streams(client.sendMessageStream(stage.message('working', { taskId: 'nowhere' })));
      await stage.sees(client.sendMessage(stage.message('working', { messageId: '' })));
      await stage.sees(client.getTask(get('nowhere')));
    },
  },
  {
    title: 'a list of tasks, and their history cut short',
    since: '1.0',
    async hold(stage) {
      const { client } = stage;
      const tenant = stage.gate('tenant', this.title);
      const first = (await stage.sees(client.sendMessage(stage.message('working; ask what?', { tenant })))) as Task;
      await stage.sees(client.sendMessage(stage.message('complete done', { tenant, taskId: first.id })));
      await stage.sees(client.sendMessage(stage.message('working; complete done', { tenant })));
      const list = { tenant, contextId: '', status: 0, pageToken: '', statusTimestampAfter: undefined };
      await stage.sees(client.listTasks({ ...list, pageSize: 10, historyLength: 5, includeArtifacts: true }));
      await stage.sees(client.getTask({ ...get(first.id, 1), tenant }));
      await stage.sees(client.getTask(get(first.id)));
      await stage.returned(3);
    },
  },
  {
    title: 'a call that its caller gives up',
    async hold(stage) {
      const { client } = stage;
      const gate = stage.gate('end', this.title);
      const giveUp = new AbortController();
      const message = stage.message(`submitted; working; gate ${gate}; complete done`);
      const called = stage.sees(client.sendMessage(message, { signal: giveUp.signal }));
      await stage.executing(1);
      giveUp.abort();
      await called;
      stage.agent.open(gate);
      await stage.returned(1);
    },
  },
  {
    title: 'a stream that its caller leaves',
    async hold(stage) {
      const { client } = stage;
      const gate = stage.gate('end', this.title);
      const stream = client.sendMessageStream(stage.message(`submitted; gate ${gate}; working; complete done`));
      const { value } = await stream.next();
      stage.transcript.client.push({ first: value });
      await stream.return();
      stage.agent.open(gate);
      await stage.returned(1);
      const { id } = taskOf(value as StreamResponse) as Task;
      await waitFor('the task to end', async () => (await client.getTask(get(id))).status?.state === 3);
      stage.transcript.wire.length = 1;
    },
  },
];
