import { type StreamResponse, TaskState } from '@a2a-js/sdk';
import { expect, test } from '@jest/globals';
import { type Delegated, Watch } from '../../../src/a2a/caller/watch.ts';
import type { Delegation } from '../../../src/ledger/delegation.ts';
import { taskOf } from '../../support/a2a/messages.ts';
import { testLedger } from '../../support/fixtures.ts';
import { useDatabase } from '../../support/use-database.ts';

const database = useDatabase();

const shown = (state: TaskState): StreamResponse => ({ payload: { $case: 'task', value: taskOf('t', 'c', state) } });

/** A delegation in progress, which the ledger takes its time to find. */
async function found(delegationId: string) {
  const { ledger } = testLedger(database.db);
  await ledger.insert({ delegationId, callerId: 'planner', calleeId: 'coder', taskPreview: 'work' });
  await ledger.setStatus(delegationId, 'in_progress');
  const { promise: delegated, resolve } = Promise.withResolvers<Delegated>();
  const row = async () => (await ledger.get(delegationId)) as Delegation;
  const answer = async () => resolve({ delegationId, found: await row() });
  return { watch: new Watch({ ledger, delegated }), row, answer };
}

test('a first look that the ledger answers late does not take back what was heard since', async () => {
  const { watch, row, answer } = await found('heard');
  watch.looked(shown(TaskState.TASK_STATE_INPUT_REQUIRED));
  watch.heard(shown(TaskState.TASK_STATE_WORKING));
  await answer();
  await watch.settled();
  expect(await row()).toMatchObject({ status: 'in_progress', waitingUntil: null });
});

test('a first look at an end is a result, whenever the ledger answers', async () => {
  const { watch, row, answer } = await found('ended');
  watch.looked(shown(TaskState.TASK_STATE_COMPLETED));
  watch.looked(shown(TaskState.TASK_STATE_COMPLETED));
  await answer();
  await watch.settled();
  expect(await row()).toMatchObject({ status: 'completed' });
});
