import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterEach, expect, test } from '@jest/globals';
import type { PgBoss } from 'pg-boss';
import { JobPoll } from '../../src/jobs/job-poll.ts';
import { waitFor } from '../support/wait-for.ts';

const polls: JobPoll[] = [];
afterEach(() => {
  for (const poll of polls.splice(0)) poll.stop();
});

/** A row of the poll's answer: a queue with a job that is due. */
const due = (queue: string) => ({ queue, dueUs: 7, isDue: true, data: { of: queue }, isLost: false });

/** A poll of a database that answers as `executeSql` does. */
function pollOf(executeSql: () => Promise<{ rows: unknown[] }>) {
  const woken: string[] = [];
  const errors: unknown[] = [];
  const boss = { getDb: () => ({ executeSql }), notifyWorker: (workerId: string) => void woken.push(workerId) };
  const poll = new JobPoll(boss as unknown as PgBoss, 'pgboss', (err) => void errors.push(err));
  polls.push(poll);
  return { poll, woken, errors };
}

test('a queue that is added while the poll waits for slower ones, or for none, is polled as often as it asks', async () => {
  const { poll, woken } = pollOf(async () => ({ rows: [due('fast')] }));
  poll.add('slow', { workerId: 'slow worker', everyMs: 300_000 });
  poll.add('fast', { workerId: 'first worker', everyMs: 5 });
  await waitFor('the faster queue', () => woken.includes('first worker'));

  poll.remove('slow');
  poll.remove('fast');
  // The loop has seen that there is none, and waits for long.
  await new Promise((resolve) => setTimeout(resolve, 50));
  poll.add('fast', { workerId: 'second worker', everyMs: 5 });
  await waitFor('the queue that is back', () => woken.includes('second worker'));
});

test.each([
  ['answers', (answer: PromiseWithResolvers<{ rows: unknown[] }>) => answer.resolve({ rows: [due('q')] })],
  ['fails', (answer: PromiseWithResolvers<{ rows: unknown[] }>) => answer.reject(new Error('Query read timeout'))],
])('a stop does not wait for a poll in flight: one that %s afterwards wakes nobody and is no error', async (_, end) => {
  const answer = Promise.withResolvers<{ rows: unknown[] }>();
  let asked = 0;
  const { poll, woken, errors } = pollOf(() => {
    asked += 1;
    return answer.promise;
  });
  poll.add('q', { workerId: 'worker', everyMs: 5 });
  await waitFor('a poll in flight', () => asked === 1);
  await poll.stop();
  end(answer);
  await nextTurn();
  expect({ asked, woken, errors }).toEqual({ asked: 1, woken: [], errors: [] });
});

test('what can be done without the worker is, and its job removed; the worker is woken where it cannot', async () => {
  const removed: unknown[][] = [];
  const woken: string[] = [];
  let queues = ['done', 'left', 'fails', 'hangs'];
  const executeSql = async (sql: string, values: unknown[]) => {
    if (!/DELETE/.test(sql)) return { rows: queues.map(due) };
    removed.push(values);
    queues = [];
    return { rows: [] };
  };
  const boss = { getDb: () => ({ executeSql }), notifyWorker: (workerId: string) => void woken.push(workerId) };
  const poll = new JobPoll(boss as unknown as PgBoss, 'pgboss', () => {});
  polls.push(poll);
  let hanging = 0;
  const instead = {
    done: async (data: unknown) => (data as { of: string }).of === 'done',
    left: async () => false,
    fails: () => Promise.reject(new Error('broken')),
    hangs: () => {
      hanging += 1;
      return new Promise<boolean>(() => {});
    },
  };
  for (const [queue, work] of Object.entries(instead)) poll.add(queue, { workerId: queue, everyMs: 5, instead: work });
  await waitFor('the removal', () => removed.length > 0);
  expect(removed).toEqual([expect.arrayContaining([['done'], 7])]);
  expect(new Set(woken)).toEqual(new Set(['left', 'fails']));
  // It is not begun again while it lasts.
  expect(hanging).toBe(1);
});

test('pg-boss is asked to take back a job whose worker has died, once at a time, and to nobody is it given before', async () => {
  const supervised: string[] = [];
  const woken: string[] = [];
  let asked = 0;
  const executeSql = async () => {
    asked += 1;
    return { rows: [{ ...due('lost'), isDue: false, isLost: true }] };
  };
  const hanging = Promise.withResolvers<void>();
  const supervise = (queue: string) => {
    supervised.push(queue);
    return hanging.promise;
  };
  const boss = { getDb: () => ({ executeSql }), notifyWorker: (id: string) => void woken.push(id), supervise };
  const errors: unknown[] = [];
  const poll = new JobPoll(boss as unknown as PgBoss, 'pgboss', (err) => void errors.push(err));
  polls.push(poll);
  poll.add('lost', { workerId: 'worker', everyMs: 5 });
  await waitFor('further polls', () => asked > 3);
  expect({ supervised, woken }).toEqual({ supervised: ['lost'], woken: [] });
  hanging.reject(new Error('no connection'));
  await waitFor('another attempt', () => supervised.length > 1);
  expect(errors[0]).toMatchObject({ message: 'no connection' });
});
