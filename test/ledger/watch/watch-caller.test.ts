import { randomUUID } from 'node:crypto';
import { expect, test } from '@jest/globals';
import type pg from 'pg';
import { type DelegationLedger, InvalidArgumentError } from '../../../src/index.ts';
import { ledgerTables } from '../../../src/ledger/tables.ts';
import { watchedByDefault } from '../../../src/ledger/watch/change.ts';
import { Watch } from '../../../src/ledger/watch/watch.ts';
import { WatchedCaller } from '../../../src/ledger/watch/watched-caller.ts';
import { testLedger, testSweeper } from '../../support/fixtures.ts';
import { useDatabase } from '../../support/use-database.ts';
import { waitFor } from '../../support/wait-for.ts';
import { Following } from './following.ts';

const database = useDatabase();
const EAGER = { everyMs: 100 };

/** Delegations of one caller, in progress. */
async function delegated(ledger: DelegationLedger, callerId: string, ...ids: readonly string[]): Promise<void> {
  for (const delegationId of ids) {
    await ledger.insert({ delegationId, callerId, calleeId: 'coder', taskPreview: 'task' });
    await ledger.setStatus(delegationId, 'in_progress');
  }
}

/** A watch that has looked once. */
async function followed(ledger: DelegationLedger, callerId: string, options = {}): Promise<Following> {
  const following = new Following(ledger.watch({ callerId }, { ...EAGER, ...options }));
  await waitFor('its first look', () => following.watch.cursor !== null);
  return following;
}

const completing = (session: pg.Client, id: string) =>
  session.query(`SELECT FROM delegation_set_status($1, 'completed')`, [id]);

/** The keyset that loses: what lies above the highest id that was seen. */
function naiveKeyset() {
  let last = 0;
  return async () => {
    const rows = await database.query<{ id: string; delegation: string }>(
      'SELECT activity_id AS id, delegation_id AS delegation FROM activity_logs WHERE activity_id > $1 ORDER BY activity_id',
      [last],
    );
    last = rows.length === 0 ? last : Number(rows.at(-1)!.id);
    return rows.map(({ delegation }) => delegation);
  };
}

test('of two transactions that commit in the other order than they drew their ids, a plain keyset loses the slower one, and a watch tells both, once', async () => {
  const { ledger } = testLedger(database.db);
  const [callerId, slow, fast] = [randomUUID(), randomUUID(), randomUUID()];
  await delegated(ledger, callerId, slow, fast);
  const naive = naiveKeyset();
  await naive();
  await using following = await followed(ledger, callerId);
  const [first, second] = [await database.connect(), await database.connect()];
  await first.query('BEGIN');
  await completing(first, slow);
  await completing(second, fast);
  await following.heard(`${fast} completed`);
  const seenByNaive = await naive();
  await first.query('COMMIT');
  await following.heard(`${slow} completed`);
  seenByNaive.push(...(await naive()));
  expect(seenByNaive).toContain(fast);
  expect(seenByNaive).not.toContain(slow);
  await delegated(ledger, callerId, 'last');
  await completing(second, 'last');
  await following.heard('last completed');
  expect(following.told).toEqual([`${fast} completed`, `${slow} completed`, 'last completed']);
});

/** A watch that looks when it is told to: the ids of whose change it tells. */
async function looking(callerId: string): Promise<() => Promise<string[]>> {
  const watched = new WatchedCaller(database.db, ledgerTables(database.db), callerId, new Set(watchedByDefault), null);
  const look = async () => (await watched.look())().changes.map(({ delegationId }) => delegationId);
  await look();
  return look;
}

test('a change is told, however many looks come before its commit, whose transaction began to write after one that commits first and drew a higher id', async () => {
  const { ledger } = testLedger(database.db);
  const [callerId, slow, fast] = [randomUUID(), randomUUID(), randomUUID()];
  await delegated(ledger, callerId, slow, fast);
  const look = await looking(callerId);
  const [first, second] = [await database.connect(), await database.connect()];
  await first.query('BEGIN; SELECT pg_current_xact_id()');
  await second.query('BEGIN');
  await completing(second, slow);
  await completing(first, fast);
  await first.query('COMMIT');
  expect(await look()).toEqual([fast]);
  for (let looks = 0; looks < 3; looks += 1) expect(await look()).toEqual([]);
  await second.query('COMMIT');
  expect(await look()).toEqual([slow]);
});

test('so is one of a client that had drawn its id a look before it began to write', async () => {
  const { ledger } = testLedger(database.db);
  const [callerId, slow, fast] = [randomUUID(), randomUUID(), randomUUID()];
  await delegated(ledger, callerId, slow, fast);
  const look = await looking(callerId);
  const session = await database.connect();
  const { rows } = await session.query(`SELECT nextval('activity_logs_activity_id_seq') AS id`);
  await ledger.setStatus(fast, 'completed');
  expect(await look()).toEqual([fast]);
  await session.query(`BEGIN; UPDATE delegations SET status = 'completed' WHERE delegation_id = '${slow}'`);
  for (let looks = 0; looks < 3; looks += 1) expect(await look()).toEqual([]);
  await session.query(`INSERT INTO activity_logs (activity_id, delegation_id, event, from_status, to_status, actor)
    OVERRIDING SYSTEM VALUE VALUES (${rows[0].id}, '${slow}', 'delegation.completed', 'in_progress', 'completed', 'psql'); COMMIT`);
  expect(await look()).toEqual([slow]);
});

test('a transaction that stays open elsewhere, and one that is rolled back, hold up nothing', async () => {
  const { ledger } = testLedger(database.db);
  const [callerId, waiting, undone] = [randomUUID(), randomUUID(), randomUUID()];
  const ids = Array.from({ length: 5 }, () => randomUUID());
  await delegated(ledger, callerId, waiting, undone, ...ids);
  const [open, undoing, working] = await Promise.all([database.connect(), database.connect(), database.connect()]);
  await open.query('BEGIN');
  await completing(open, waiting);
  await using following = await followed(ledger, callerId);
  for (const id of ids) {
    await undoing.query('BEGIN');
    await completing(undoing, undone);
    await completing(working, id);
    await following.heard(`${id} completed`);
    await undoing.query('ROLLBACK');
  }
  // Each id that was rolled back is a gap for as long as the other transaction may still fill it.
  await open.query('COMMIT');
  await following.heard(`${waiting} completed`);
  await waitFor('the gaps to be given up', () => gapsOf(following.watch.cursor!).length === 0);
  expect(following.told).toEqual([...ids, waiting].map((id) => `${id} completed`));
});

function gapsOf(cursor: string): unknown[] {
  return JSON.parse(Buffer.from(cursor, 'base64url').toString())[2];
}

test('tells what a sweep marks, with the retry that it made, late results and waits; and nothing of other callers', async () => {
  const { ledger } = testLedger(database.db);
  const { sweeper } = testSweeper(database.db, { retriesMax: 1 });
  const [callerId, dead, waits, others] = [randomUUID(), randomUUID(), randomUUID(), randomUUID()];
  await delegated(ledger, callerId, dead, waits);
  await delegated(ledger, randomUUID(), others);
  await database.query(
    `UPDATE delegations SET last_heartbeat = clock_timestamp() - interval '1 hour' WHERE delegation_id = ANY($1)`,
    [[dead, others]],
  );
  await using following = await followed(ledger, callerId);
  await ledger.wait(waits, { untilMs: 60_000, reason: 'a person' });
  await ledger.resume(waits);
  await sweeper.sweep({ trigger: 'manual' });
  await following.heard(`${dead} stuck`);
  await ledger.setStatus(dead, 'completed', { resultPreview: 'after all' });
  await following.heard(`${dead} late_result`);
  expect(following.told).toEqual([`${waits} waiting`, `${waits} resumed`, `${dead} stuck`, `${dead} late_result`]);
  const [waiting, , stuck, late] = following.changes;
  expect(waiting).toMatchObject({ status: 'in_progress', detail: { reason: 'a person' }, toStatus: null });
  expect(stuck).toMatchObject({
    fromStatus: 'in_progress',
    toStatus: 'stuck',
    status: 'stuck',
    actor: 'sweeper',
    callerId,
    calleeId: 'coder',
    errorDetail: expect.stringMatching(/^no heartbeat for \d+s$/),
    attempt: 1,
    retryOf: null,
    retriedAs: expect.any(String),
    at: expect.any(Date),
  });
  expect(late).toMatchObject({ detail: { attempted: 'completed', resultPreview: 'after all' }, status: 'stuck' });
  // The retry belongs to the same caller.
  const { retriedAs } = stuck as { retriedAs: string };
  await ledger.setStatus(retriedAs, 'failed', { errorDetail: 'again' });
  await following.heard(`${retriedAs} failed`);
  expect(following.changes.at(-1)).toMatchObject({ attempt: 2, retryOf: dead, errorDetail: 'again' });
});

test('goes on from a cursor with what came after the change that it was taken at, each once', async () => {
  const { ledger } = testLedger(database.db);
  const [callerId, slow] = [randomUUID(), randomUUID()];
  const ids = Array.from({ length: 4 }, () => randomUUID());
  await delegated(ledger, callerId, slow, ...ids);
  const open = await database.connect();
  const before = await followed(ledger, callerId);
  const from = before.watch.cursor;
  await before[Symbol.asyncDispose]();
  await open.query('BEGIN');
  await completing(open, slow);
  for (const id of ids) await ledger.setStatus(id, 'completed');
  const watch = ledger.watch({ callerId }, { ...EAGER, after: from });
  const cursors: string[] = [];
  for await (const change of watch) {
    cursors.push(watch.cursor!);
    if (change.delegationId === ids[3]) break;
  }
  await open.query('COMMIT');
  expect(cursors).toHaveLength(4);
  for (const [index, after] of cursors.entries()) {
    await using later = new Following(ledger.watch({ callerId }, { ...EAGER, after }));
    await later.heard(`${slow} completed`);
    const rest = ids.slice(index + 1).map((id) => `${id} completed`);
    expect(later.told.toSorted()).toEqual([`${slow} completed`, ...rest].toSorted());
  }
});

test('begins with what happens from its first look on, and yields other events where it is asked to', async () => {
  const { ledger } = testLedger(database.db);
  const [callerId, id] = [randomUUID(), randomUUID()];
  await delegated(ledger, callerId, 'earlier');
  await ledger.setStatus('earlier', 'completed');
  await using following = await followed(ledger, callerId, { events: ['delegation.queued', 'delegation.in_progress'] });
  await delegated(ledger, callerId, id);
  await ledger.setStatus(id, 'completed');
  await delegated(ledger, callerId, 'end');
  await following.heard('end in_progress');
  expect(following.told).toEqual([`${id} queued`, `${id} in_progress`, 'end queued', 'end in_progress']);
});

test('reads many changes by pages, each once', async () => {
  const { ledger } = testLedger(database.db);
  const callerId = randomUUID();
  await using following = await followed(ledger, callerId);
  const ids = Array.from({ length: 2_500 }, () => randomUUID());
  await ledger.insertMany(ids.map((delegationId) => ({ delegationId, callerId, calleeId: 'coder', taskPreview: 't' })));
  await database.query(
    `SELECT count(*) FROM unnest($1::text[]) id, delegation_set_status(id, 'failed', 'out of ideas')`,
    [ids],
  );
  await following.heard(`${ids.at(-1)} failed`);
  expect(following.told).toEqual(ids.map((id) => `${id} failed`));
});

test('goes on after the database went back in time: ids are drawn again, and nothing is lost or told twice', async () => {
  const { ledger } = testLedger(database.db);
  const [callerId, told, lost, again] = [randomUUID(), randomUUID(), randomUUID(), randomUUID()];
  await delegated(ledger, callerId, told, lost, again);
  await using following = await followed(ledger, callerId);
  await ledger.setStatus(told, 'completed');
  await following.heard(`${told} completed`);
  await ledger.wait(lost, { untilMs: 60_000, reason: 'a person' });
  await ledger.resume(lost);
  await following.heard(`${lost} resumed`);
  // As a standby that had lagged: it has not got the last two, and draws their ids for others.
  const rewind = await database.connect();
  await rewind.query('BEGIN');
  const { rows } = await rewind.query(
    `DELETE FROM activity_logs WHERE delegation_id = $1
    AND event IN ('delegation.waiting', 'delegation.resumed') RETURNING activity_id`,
    [lost],
  ); // prettier-ignore
  const [first] = rows.map(({ activity_id }) => Number(activity_id)).toSorted((a, b) => a - b);
  await rewind.query(`ALTER TABLE activity_logs ALTER COLUMN activity_id RESTART WITH ${first}`);
  await completing(rewind, again);
  await completing(rewind, lost);
  await rewind.query('COMMIT');
  await following.heard(`${again} completed`, `${lost} completed`);
  expect(following.told).toEqual([
    `${told} completed`,
    `${lost} waiting`,
    `${lost} resumed`,
    `${again} completed`,
    `${lost} completed`,
  ]);
});

test('the activity at its place may be pruned', async () => {
  const { ledger } = testLedger(database.db);
  const [callerId, id] = [randomUUID(), randomUUID()];
  await using following = await followed(ledger, callerId);
  await delegated(ledger, callerId, 'ended', id);
  await ledger.setStatus('ended', 'completed');
  await following.heard('ended completed');
  await database.query('DELETE FROM activity_logs WHERE delegation_id <> $1', [id]);
  await ledger.setStatus(id, 'completed');
  await following.heard(`${id} completed`);
  expect(following.told).toEqual(['ended completed', `${id} completed`]);
  await database.query('DELETE FROM delegations WHERE delegation_id <> $1', [id]);
});

test('finds its place further back than a page, and does not tell again what was before it', async () => {
  const { ledger } = testLedger(database.db);
  const callerId = randomUUID();
  const [earlier, told, ...ids] = Array.from({ length: 7 }, () => randomUUID()) as [string, string, ...string[]];
  await delegated(ledger, callerId, earlier, told, ...ids);
  await ledger.setStatus(earlier, 'completed');
  const page = 3;
  const watched = new WatchedCaller(
    database.db,
    ledgerTables(database.db),
    callerId,
    new Set(watchedByDefault),
    null,
    page,
  );
  const pace = { everyMs: 100, signal: undefined, onFailure: () => undefined };
  await using following = new Following(new Watch(watched, pace));
  await waitFor('its first look', () => following.watch.cursor !== null);
  await ledger.setStatus(told, 'completed');
  await following.heard(`${told} completed`);
  const session = await database.connect();
  await session.query('BEGIN');
  await session.query(`DELETE FROM activity_logs WHERE delegation_id = $1 AND event = 'delegation.completed'`, [told]);
  for (const id of ids) await completing(session, id);
  await session.query('COMMIT');
  await following.heard(`${ids.at(-1)} completed`);
  expect(following.told).toEqual([told, ...ids].map((id) => `${id} completed`));
  await database.query('DELETE FROM delegations WHERE delegation_id = $1', [told]);
});

test.each<[string, unknown, object, string]>([
  ['no target', undefined, {}, 'ids must be an array of ids, or an object with a callerId'],
  ['a single id', 'd', {}, 'ids must be an array of ids, or an object with a callerId'],
  ['an empty id', ['a', ''], {}, 'ids[1] must have 1 to 200 characters, not 0'],
  ['10001 ids', Array.from({ length: 10_001 }, (_, i) => `d-${i}`), {}, 'ids must have at most 10000 ids, not 10001'],
  ['a callerId that is none', { callerId: 7 }, {}, 'callerId must be a string, not number'],
  ['everyMs of nothing', ['d'], { everyMs: 0 }, 'everyMs must be a positive number of milliseconds'],
  ['everyMs of a millisecond', ['d'], { everyMs: 1 }, 'everyMs must be at least 100'],
  ['a signal that is none', ['d'], { signal: {} }, 'signal must be an AbortSignal'],
  ['an unknown event', ['d'], { events: ['stuck'] }, 'events must be an array of one or more of delegation.queued'],
  ['no event at all', ['d'], { events: [] }, 'events must be an array of one or more of'],
  ['a cursor for ids', ['d'], { after: 'x' }, 'after goes with { callerId } only'],
  ['a cursor that is none', { callerId: 'c' }, { after: 'x' }, 'after must be the cursor of a watch, unchanged'],
  ['options that are none', ['d'], null as never, 'options must be an object'],
])('refuses %s at the call', (_, target, options, message) => {
  const { ledger } = testLedger(database.db);
  expect(() => ledger.watch(target as never, options)).toThrow(InvalidArgumentError);
  expect(() => ledger.watch(target as never, options)).toThrow(message);
});

test('refuses a transaction', async () => {
  await database.db.transaction().execute(async (transaction) => {
    const { ledger } = testLedger(transaction);
    expect(() => ledger.watch(['d'])).toThrow('db must not be a transaction for watch');
  });
});
