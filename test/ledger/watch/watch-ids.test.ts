import { randomUUID } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import type { DelegationChange, DelegationLedger } from '../../../src/index.ts';
import { ledgerTables } from '../../../src/ledger/tables.ts';
import { watchedByDefault } from '../../../src/ledger/watch/change.ts';
import { WatchedIds } from '../../../src/ledger/watch/watched-ids.ts';
import { testLedger } from '../../support/fixtures.ts';
import { useDatabase } from '../../support/use-database.ts';
import { waitFor } from '../../support/wait-for.ts';
import { Following } from './following.ts';

const database = useDatabase();
const EAGER = { everyMs: 100 };

async function delegated(ledger: DelegationLedger, count: number): Promise<string[]> {
  const ids = Array.from({ length: count }, () => randomUUID());
  await ledger.insertMany(
    ids.map((delegationId) => ({ delegationId, callerId: 'planner', calleeId: 'coder', taskPreview: 'task' })),
  );
  for (const id of ids) await ledger.setStatus(id, 'in_progress');
  return ids;
}

async function all(changes: AsyncIterable<DelegationChange>): Promise<DelegationChange[]> {
  const all: DelegationChange[] = [];
  for await (const change of changes) all.push(change);
  return all;
}

const told = (changes: readonly DelegationChange[]) =>
  changes.map(({ delegationId, event }) => `${delegationId} ${event.replace('delegation.', '')}`);

describe('a watch of ids', () => {
  test('tells each end as it comes, and is over when all have ended', async () => {
    const { ledger } = testLedger(database.db);
    const [first, second] = (await delegated(ledger, 2)) as [string, string];
    await using following = new Following(ledger.watch([first, second], EAGER));
    await ledger.setStatus(second, 'stuck', { errorDetail: 'no heartbeat for 600s' });
    await following.heard(`${second} stuck`);
    await ledger.wait(first, { untilMs: 60_000, reason: 'a person' });
    await following.heard(`${first} waiting`);
    await ledger.setStatus(first, 'completed', { resultPreview: 'done' });
    await following.over;
    expect(following.told).toEqual([`${second} stuck`, `${first} waiting`, `${first} completed`]);
    expect(following.changes.at(-1)).toMatchObject({
      fromStatus: 'in_progress',
      toStatus: 'completed',
      status: 'completed',
      callerId: 'planner',
      calleeId: 'coder',
      resultPreview: 'done',
      retriedAs: null,
      at: expect.any(Date),
      activityId: expect.any(Number),
    });
    expect(following.watch.cursor).toBeNull();
  });

  test('begins with how each stands: what has ended is told at once, with its late results, and what waits', async () => {
    const { ledger } = testLedger(database.db);
    const [ended, waits, works] = (await delegated(ledger, 3)) as [string, string, string];
    await ledger.wait(ended, { untilMs: 60_000, reason: 'long ago' });
    await ledger.setStatus(ended, 'stuck');
    await ledger.setStatus(ended, 'completed', { resultPreview: 'after all' });
    const { delegationId: retry } = await ledger.retry(ended);
    await ledger.wait(waits, { untilMs: 60_000, reason: 'long ago' });
    await ledger.wait(waits, { untilMs: 90_000, reason: 'a person' });
    await using following = new Following(ledger.watch([ended, waits, works], EAGER));
    await following.heard(`${ended} late_result`, `${waits} waiting`);
    expect(following.told).toEqual([`${ended} stuck`, `${ended} late_result`, `${waits} waiting`]);
    expect(following.changes[0]).toMatchObject({ retriedAs: retry });
    expect(following.changes[2]).toMatchObject({ detail: { reason: 'a person' } });
    for (const id of [waits, works]) await ledger.setStatus(id, 'failed', { errorDetail: 'no' });
    await following.over;
    expect(following.told).toHaveLength(5);
  });

  test('takes an id once, however often it is named; of no id, it is over at once', async () => {
    const { ledger } = testLedger(database.db);
    const [id] = (await delegated(ledger, 1)) as [string];
    await ledger.setStatus(id, 'completed');
    expect(told(await all(ledger.watch([id, id, id], EAGER)))).toEqual([`${id} completed`]);
    expect(await all(ledger.watch([]))).toEqual([]);
  });

  test('tells that an id is missing, and does not wait for it', async () => {
    const { ledger } = testLedger(database.db);
    const [id] = (await delegated(ledger, 1)) as [string];
    await ledger.setStatus(id, 'completed');
    // Recorded as an orphan update: there is activity, and no delegation.
    await ledger.setStatus('never-inserted', 'completed');
    const changes = await all(ledger.watch(['unknown', id, 'never-inserted'], EAGER));
    expect(changes).toEqual([
      expect.objectContaining({ delegationId: id }),
      { delegationId: 'unknown', event: 'missing' },
      { delegationId: 'never-inserted', event: 'missing' },
    ]);
  });

  test('tells an end whose activity is gone by the row, and one whose row is gone by the activity', async () => {
    const { ledger } = testLedger(database.db);
    const [row, activity] = (await delegated(ledger, 2)) as [string, string];
    for (const id of [row, activity]) await ledger.setStatus(id, 'failed', { errorDetail: 'no' });
    await database.query('DELETE FROM activity_logs WHERE delegation_id = $1', [row]);
    await database.query('DELETE FROM delegations WHERE delegation_id = $1', [activity]);
    const changes = await all(ledger.watch([row, activity], EAGER));
    expect(changes).toMatchObject([
      { delegationId: activity, event: 'delegation.failed', status: null, detail: { errorDetail: 'no' } },
      { delegationId: row, event: 'delegation.failed', status: 'failed', errorDetail: 'no', activityId: null },
    ]);
    await database.query('DELETE FROM delegations WHERE delegation_id = $1', [row]);
  });

  test('tells an end that no activity has by the row, once, and not again when it is healed', async () => {
    const { ledger } = testLedger(database.db);
    const [ended, open] = (await delegated(ledger, 2)) as [string, string];
    const watched = new WatchedIds(
      database.db,
      ledgerTables(database.db),
      [ended, open],
      new Set([...watchedByDefault, 'delegation.in_progress']),
    );
    /** All that is there, as when ten seconds have passed since the rows were read. */
    const look = async () => {
      watched.onOutage();
      for (const changes: DelegationChange[] = []; ; ) {
        const found = (await watched.look())();
        changes.push(...found.changes);
        if (!found.hasMore) return told(changes);
      }
    };
    expect(await look()).toEqual([`${ended} in_progress`, `${open} in_progress`]);
    const restoring = await database.connect();
    await restoring.query('SET session_replication_role = replica');
    await restoring.query(
      `UPDATE delegations SET status = 'failed', error_detail = 'no', finished_at = clock_timestamp() WHERE delegation_id = $1`,
      [ended],
    );
    expect(await look()).toEqual([`${ended} failed`]);
    expect(await look()).toEqual([]);
    await database.query(
      `INSERT INTO activity_logs (delegation_id, event, from_status, to_status, actor)
       VALUES ($1, 'delegation.failed', 'in_progress', 'failed', 'reconciler')`,
      [ended],
    );
    expect(await look()).toEqual([]);
    await ledger.setStatus(ended, 'completed');
    expect(await look()).toEqual([`${ended} late_result`]);
  });

  test('is over, too, when the end is not among the events that it yields', async () => {
    const { ledger } = testLedger(database.db);
    const [id] = (await delegated(ledger, 1)) as [string];
    await using following = new Following(ledger.watch([id], { ...EAGER, events: ['delegation.in_progress'] }));
    await following.heard(`${id} in_progress`);
    await ledger.setStatus(id, 'completed');
    await following.over;
    expect(following.told).toEqual([`${id} in_progress`]);
  });

  test('reads the many changes of one delegation, each once', async () => {
    const { ledger } = testLedger(database.db);
    const [id] = (await delegated(ledger, 1)) as [string];
    await using following = new Following(ledger.watch([id], EAGER));
    await database.query(
      `SELECT count(*) FROM generate_series(1, 250) i,
        delegation_wait($1, clock_timestamp() + interval '1 hour' + i * interval '1 minute', 'person ' || i)`,
      [id],
    );
    await ledger.setStatus(id, 'completed');
    await following.over;
    const reasons = following.changes.map((change) => 'detail' in change && change.detail.reason);
    expect(reasons).toEqual([...Array.from({ length: 250 }, (_, i) => `person ${i + 1}`), undefined]);
  });

  test('of 10000 ids sends one statement a look, and tells all of them', async () => {
    const { ledger } = testLedger(database.db);
    const ids = Array.from({ length: 10_000 }, () => randomUUID());
    await ledger.insertMany(
      ids.map((delegationId) => ({ delegationId, callerId: 'p', calleeId: 'c', taskPreview: 't' })),
    );
    await using following = new Following(ledger.watch(ids, EAGER));
    await database.query(`SELECT count(*) FROM unnest($1::text[]) id, delegation_set_status(id, 'failed', 'no')`, [
      ids,
    ]);
    await following.over;
    expect(new Set(following.told)).toEqual(new Set(ids.map((id) => `${id} failed`)));
    expect(following.told).toHaveLength(ids.length);
  });

  test('goes on after the database went back in time, though ids below those that it has read are drawn again', async () => {
    const { ledger } = testLedger(database.db);
    const [id] = (await delegated(ledger, 1)) as [string];
    await using following = new Following(ledger.watch([id], EAGER));
    await ledger.wait(id, { untilMs: 60_000, reason: 'a person' });
    await following.heard(`${id} waiting`);
    const rewind = await database.connect();
    await rewind.query('BEGIN');
    await rewind.query('UPDATE delegations SET waiting_since = NULL, waiting_until = NULL, waiting_reason = NULL');
    const { rows } = await rewind.query('DELETE FROM activity_logs WHERE delegation_id = $1 RETURNING activity_id', [
      id,
    ]);
    const [first] = rows.map(({ activity_id }) => Number(activity_id)).toSorted((a, b) => a - b);
    await rewind.query(`ALTER TABLE activity_logs ALTER COLUMN activity_id RESTART WITH ${first}`);
    await rewind.query(`SELECT FROM delegation_set_status($1, 'completed')`, [id]);
    await rewind.query('COMMIT');
    await following.over;
    expect(following.told).toEqual([`${id} waiting`, `${id} completed`]);
  });
});

describe('the end of a watch', () => {
  test('break, the disposal and return() end it, also while it waits, and leave nothing behind', async () => {
    const { ledger } = testLedger(database.db);
    const [ended, open] = (await delegated(ledger, 2)) as [string, string];
    await ledger.setStatus(ended, 'completed');
    const slow = { everyMs: 3_600_000 };
    const watch = ledger.watch([ended, open], slow);
    for await (const _ of watch) break;
    expect(await watch.next()).toEqual({ done: true, value: undefined });
    const pending = ledger.watch([open], slow);
    const next = pending.next();
    await pending[Symbol.asyncDispose]();
    expect(await next).toEqual({ done: true, value: undefined });
    expect(process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length).toBeLessThan(5);
  });

  test('a signal makes it throw its reason: before it begins, while it waits, and between two changes', async () => {
    const { ledger } = testLedger(database.db);
    const [first, second, open] = (await delegated(ledger, 3)) as [string, string, string];
    for (const id of [first, second]) await ledger.setStatus(id, 'completed');
    const reason = new Error('shutting down');
    await expect(all(ledger.watch([open], { signal: AbortSignal.abort(reason) }))).rejects.toBe(reason);
    const waiting = new AbortController();
    const following = new Following(ledger.watch([open], { everyMs: 3_600_000, signal: waiting.signal }));
    await waitFor('its pause', () => process.getActiveResourcesInfo().includes('Timeout'));
    waiting.abort(reason);
    await expect(following.over).rejects.toBe(reason);
    const between = new AbortController();
    const changes: DelegationChange[] = [];
    const reading = async () => {
      for await (const change of ledger.watch([first, second], { signal: between.signal })) {
        changes.push(change);
        between.abort(reason);
      }
    };
    await expect(reading()).rejects.toBe(reason);
    expect(told(changes)).toEqual([`${first} completed`]);
  });
});

test('types: the event tells what a change has, and a watch is an async iterable that can be disposed', async () => {
  const { ledger } = testLedger(database.db);
  await using watch = ledger.watch(['unknown'], EAGER);
  const iterable: AsyncIterable<DelegationChange> & AsyncDisposable = watch;
  const attempts: (number | null)[] = [];
  for await (const change of iterable) {
    // @ts-expect-error: a delegation that is missing has no attempt.
    attempts.push(change.attempt ?? 0);
    if (change.event !== 'missing') attempts.push(change.attempt);
  }
  expect(attempts).toEqual([0]);
  // @ts-expect-error: such an event is unknown.
  expect(() => ledger.watch(['d'], { events: ['stuck'] })).toThrow('events');
});
