import { beforeAll, expect, test } from '@jest/globals';
import { Reconciliation } from '../../../src/housekeeping/reconciliation/reconciliation.ts';
import { Explainer } from '../../../src/sweeper/explanation/explainer.ts';
import { Following } from '../../ledger/watch/following.ts';
import { inCatalogue } from '../../support/citus-catalogue.ts';
import { becomeNode } from '../../support/citus-node.ts';
import { capturedLog, seedDelegation, sweeperDefaults, testLedger, testSweeper } from '../../support/fixtures.ts';
import { unreplayable } from '../../support/replay.ts';
import { useDatabase } from '../../support/use-database.ts';
import { waitFor } from '../../support/wait-for.ts';

const node = useDatabase({ fresh: true, replayed: false });

/** The numbers of a node's sequences begin with its group. */
const FIRST_OF_NODE = 2n ** 48n;
/** From group 32 on they are beyond what JavaScript represents. */
const LATE_GROUP = 40;

/** As citus_schema_move: the tables are the same, and the sequence is the other node's, which has drawn so many numbers. */
async function moveTo(group: number, drawn = 0): Promise<void> {
  await inCatalogue(
    node,
    `UPDATE pg_catalog.pg_dist_local_group SET groupid = ${group}; UPDATE pg_catalog.pg_dist_placement SET groupid = ${group}`,
  );
  for (const sequence of ['activity_logs_activity_id_seq', 'sweeper_holds_hold_id_seq'])
    await node.query(`ALTER SEQUENCE ${sequence} RESTART ${BigInt(group) * FIRST_OF_NODE + BigInt(drawn + 1)}`);
}

/** Activity that has a lower id than an earlier one. */
const disordered = () =>
  node.query(`SELECT o.event FROM (
    SELECT a.activity_id, a.event, lag(a.activity_id) OVER (ORDER BY a.created_at) AS before FROM activity_logs a) o
  WHERE o.activity_id < o.before`);

beforeAll(() => becomeNode(node));

test('a history over nodes whose sequences are behind one another is told in its order, whoever reads it', async () => {
  const db = node.db.withSchema('public');
  const { ledger } = testLedger(db);
  const { sweeper } = testSweeper(db);
  const task = { callerId: 'caller', calleeId: 'callee', taskPreview: 'task' };

  await moveTo(3);
  await ledger.insert({ delegationId: 'one', ...task });
  await using watched = new Following(ledger.watch({ callerId: 'caller' }, { everyMs: 100 }));
  await waitFor('its first look', () => watched.watch.cursor !== null);
  await ledger.setStatus('one', 'in_progress');
  // A node that was never used before.
  await moveTo(1);
  await ledger.wait('one', { untilMs: 60_000, reason: 'a person' });
  await ledger.resume('one');
  await ledger.setStatus('one', 'completed', { resultPreview: 'done' });
  // Back, where the sequence goes on below what was drawn meanwhile.
  await moveTo(3, 2);
  await ledger.setStatus('one', 'failed', { errorDetail: 'after all' });
  // A plain writer, whose activity the trigger adds.
  await node.query(
    `INSERT INTO delegations (delegation_id, caller_id, callee_id, task_preview) VALUES ('two', 'caller', 'c', 't')`,
  );
  await moveTo(LATE_GROUP);
  await seedDelegation(node, { delegationId: 'silent', silentSeconds: 3_600 });
  expect(await sweeper.sweep({ trigger: 'manual' })).toMatchObject({ stuck: 1 });

  const steps = ['queued', 'in_progress', 'waiting', 'resumed', 'completed', 'late_result'];
  expect(await disordered()).toEqual([]);
  const [{ highest }] = (await node.query<{ highest: string }>(
    'SELECT max(activity_id) AS highest FROM activity_logs',
  )) as [{ highest: string }];
  expect(Number(highest)).toBeLessThan(1_000);
  expect(await unreplayable(node)).toEqual([]);

  expect((await ledger.history('one')).map(({ event }) => event.replace('delegation.', ''))).toEqual(steps);
  const cron = { expression: '* * * * *', timezone: 'UTC' };
  const explained = await new Explainer(db, { sweeper: sweeperDefaults, cron, onTime: true }).explain('one');
  expect(explained?.timeline.first.map(({ event }) => event.replace('delegation.', ''))).toEqual(steps);
  await watched.heard('one late_result', 'silent stuck');
  expect(watched.told).toEqual(['one waiting', 'one resumed', 'one completed', 'one late_result', 'silent stuck']);
  const { signal } = new AbortController();
  const { log } = capturedLog();
  expect(await new Reconciliation(db, log).run({ trigger: 'manual', signal })).toMatchObject({
    rowsMissing: 0,
    rowsBehind: 0,
    activitiesMissing: 0,
    endedTwice: 0,
    orphanResults: 0,
    failed: 0,
  });
});

test('without it the history would be out of order', async () => {
  const db = node.db.withSchema('public');
  const { ledger } = testLedger(db);
  await node.query(`ALTER TABLE activity_logs_102009 DISABLE TRIGGER activity_logs_next_id_102009,
    DISABLE TRIGGER activity_logs_ids_here_102009,
    ALTER activity_id SET DEFAULT nextval('activity_logs_activity_id_seq')`);
  await moveTo(5);
  await ledger.insert({ delegationId: 'three', callerId: 'caller', calleeId: 'callee', taskPreview: 'task' });
  await moveTo(4);
  await ledger.setStatus('three', 'in_progress');
  expect(await disordered()).not.toEqual([]);
  expect(await unreplayable(node)).not.toEqual([]);
});
