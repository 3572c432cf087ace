import { describe, expect, test } from '@jest/globals';
import { Kysely, PostgresDialect } from 'kysely';
import pg from 'pg';
import type { Database } from '../../src/db/schema.ts';
import { OperatorHolds } from '../../src/sweeper/hold/operator-holds.ts';
import { webhookQueueNames } from '../../src/webhook/webhook-queues.ts';
import { MutatedFunctions } from '../model/mutation.ts';
import { seedDelegation, testLedger, testSweeper } from '../support/fixtures.ts';
import { gatedTables, instants, mark } from '../support/mark.ts';
import { countByStatus, seedFleet } from '../support/seed-fleet.ts';
import { eventsIn, subscribe } from '../support/subscriber.ts';
import { useDatabase } from '../support/use-database.ts';
import { waitUntilWaiting } from '../support/wait-for.ts';

const database = useDatabase({ per: 'test' });
const manual = { trigger: 'manual' } as const;
const subjects = async (queue?: string) =>
  (await eventsIn(database, queue)).map((event) => ('subject' in event ? event.subject : event.id)).toSorted();
const stuckIds = async () =>
  (await database.query<{ delegation_id: string }>(`SELECT delegation_id FROM delegations WHERE status = 'stuck'`))
    .map(({ delegation_id }) => delegation_id)
    .toSorted();

/** A database whose transactions that publish end in this way instead of with their COMMIT. */
function endingWith(end: (client: pg.PoolClient) => Promise<unknown>): Kysely<Database> {
  const pool = new pg.Pool({ connectionString: database.url, max: 4 });
  const connect = async () => {
    const client = await pool.connect();
    let hasPublished = false;
    const query = (text: string, parameters: unknown[]) => {
      if (text.includes('delegation_enqueue')) hasPublished = true;
      return text === 'COMMIT' && hasPublished ? end(client) : client.query(text, parameters);
    };
    return { query, release: () => client.release(true) };
  };
  return new Kysely<Database>({ dialect: new PostgresDialect({ pool: { connect, end: () => pool.end() } as never }) });
}

const lost = () => new Error('Connection terminated unexpectedly');

describe('the events of a sweep', () => {
  test('are one for each mark, in each queue that subscribes, and in no other', async () => {
    await subscribe(database, ['delegation.stuck.v1']);
    await subscribe(database, ['delegation.stuck.v1', 'delegation.failed.v1'], { queue: 'second' });
    await subscribe(database, ['delegation.failed.v1'], { queue: 'others' });
    await seedFleet(database, { rows: 25, silentSeconds: 700 });
    await testSweeper(database.db, { batchRowsMax: 10 }).sweeper.sweep(manual);
    const ids = await stuckIds();
    expect(ids).toHaveLength(25);
    expect([await subjects(), await subjects('second'), await subjects('others')]).toEqual([ids, ids, []]);
  });

  test("are put into their own ledger's webhook, into no other ledger's, and into every other queue", async () => {
    const ledgers = ['public', 'us', 'Team "B"', '2/é-._x'];
    const queues = ledgers.flatMap((ledger) => Object.values(webhookQueueNames(ledger)));
    const others = ['delegation-webhooks', 'my.delegation-webhook.us'];
    for (const queue of [...queues, ...others]) await subscribe(database, ['delegation.stuck.v1'], { queue });
    await seedFleet(database, { rows: 1, silentSeconds: 700 });
    await testSweeper(database.db).sweeper.sweep(manual);
    const filled = async () =>
      (await database.query<{ name: string }>('SELECT DISTINCT name FROM pgboss.job'))
        .map(({ name }) => name)
        .toSorted();
    const into = (ledger: string) => [...Object.values(webhookQueueNames(ledger)), ...others].toSorted();
    expect(await filled()).toEqual(into('public'));
    let schema = 'public';
    for (const renamed of ledgers.slice(1)) {
      await database.query('DELETE FROM pgboss.job');
      await database.query(`ALTER SCHEMA ${pg.escapeIdentifier(schema)} RENAME TO ${pg.escapeIdentifier(renamed)}`);
      schema = renamed;
      const session = await database.connect();
      await session.query(
        `SELECT ${pg.escapeIdentifier(schema)}.delegation_enqueue('delegation.stuck.v1', ARRAY['key'], ARRAY['{}'::jsonb])`,
      );
      await session.end();
      expect(await filled()).toEqual(into(schema));
    }
    await database.query(`ALTER SCHEMA ${pg.escapeIdentifier(schema)} RENAME TO public`);
  });

  test('are undone with a mark that is rolled back', async () => {
    await subscribe(database, ['delegation.stuck.v1']);
    await seedFleet(database, { rows: 5, silentSeconds: 700 });
    await using db = endingWith(async (client) => {
      await client.query('ROLLBACK');
      throw lost();
    });
    await expect(testSweeper(db).sweeper.sweep(manual)).rejects.toThrow('terminated');
    expect([await countByStatus(database), await subjects()]).toEqual([{ in_progress: 5 }, []]);
    await testSweeper(database.db).sweeper.sweep(manual);
    expect(await subjects()).toEqual(await stuckIds());
  });

  test('are there once when the answer to the COMMIT is lost', async () => {
    await subscribe(database, ['delegation.stuck.v1']);
    await seedFleet(database, { rows: 25, silentSeconds: 700 });
    await using db = endingWith(async (client) => {
      await client.query('COMMIT');
      throw lost();
    });
    const { sweeper, events } = testSweeper(db, { batchRowsMax: 10 });
    expect(await sweeper.sweep(manual)).toMatchObject({ stuck: 25 });
    await sweeper.sweep(manual);
    expect(events('delegation.stuck')).toHaveLength(25);
    expect(await subjects()).toEqual(await stuckIds());
  });

  test('are one for each row beside a poisoned one, and none for that one', async () => {
    await subscribe(database, ['delegation.stuck.v1']);
    await seedFleet(database, { rows: 20, silentSeconds: 700 });
    await seedDelegation(database, { delegationId: 'poisoned', silentSeconds: 900 });
    await database.query(`CREATE FUNCTION poison() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN RAISE EXCEPTION 'poisoned'; END $$`);
    await database.query(`CREATE TRIGGER poison BEFORE UPDATE ON delegations FOR EACH ROW
      WHEN (NEW.delegation_id = 'poisoned') EXECUTE FUNCTION poison()`);
    expect(await testSweeper(database.db).sweeper.sweep(manual)).toMatchObject({ stuck: 20, poisoned: 1 });
    expect(await subjects()).toEqual(await stuckIds());
  });

  test('are not made where only another ledger’s webhook subscribes', async () => {
    const isSubscribed = async () =>
      (await database.query(`SELECT delegation_is_subscribed('delegation.stuck.v1') AS is`))[0];
    await subscribe(database, ['delegation.stuck.v1'], { queue: 'delegation-webhook.other' });
    expect(await isSubscribed()).toEqual({ is: false });
    await subscribe(database, ['delegation.stuck.v1'], { queue: 'delegation-webhook' });
    expect(await isSubscribed()).toEqual({ is: true });
  });

  test('go to a subscriber from the first batch on that begins after it subscribed', async () => {
    await seedFleet(database, { rows: 40, silentSeconds: 700 });
    const gated = await gatedTables(database);
    const opened = await gated.hold();
    const marking = mark(database.db, 'stale', {
      ...(await instants(database)),
      tables: gated.tables,
      batchRowsMax: 10,
    });
    // Two batches run at once. Both have their snapshots.
    await waitUntilWaiting(database, 2);
    await subscribe(database, ['delegation.stuck.v1']);
    await opened();
    expect(await marking).toHaveLength(40);
    expect(await subjects()).toHaveLength(20);
  });
});

describe('a queue that takes no events', () => {
  test('stops neither the sweep nor the other queues, and is logged', async () => {
    await subscribe(database, ['delegation.stuck.v1'], { queue: 'broken' });
    await subscribe(database, ['delegation.stuck.v1']);
    await database.query(`CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN RAISE EXCEPTION 'no room'; END $$`);
    await database.query(`CREATE TRIGGER refuse BEFORE INSERT ON pgboss.job_common FOR EACH ROW
      WHEN (NEW.name = 'broken') EXECUTE FUNCTION refuse()`);
    await seedFleet(database, { rows: 5, silentSeconds: 700 });
    const { sweeper, events } = testSweeper(database.db);
    expect(await sweeper.sweep(manual)).toMatchObject({ stuck: 5, poisoned: 0 });
    expect([await subjects(), await subjects('broken')]).toEqual([await stuckIds(), []]);
    expect(events('event.not_published')).toMatchObject([
      { type: 'delegation.stuck.v1', queue: 'broken', events: 5, err: { code: 'P0001', message: 'no room' } },
    ]);
  });

  test('nor does one that is deleted meanwhile', async () => {
    await subscribe(database, ['delegation.stuck.v1'], { queue: 'deleted' });
    await subscribe(database, ['delegation.stuck.v1']);
    await seedDelegation(database, { silentSeconds: 700 });
    const deleting = await database.connect();
    await deleting.query('BEGIN');
    await deleting.query(`SELECT pgboss.delete_queue('deleted')`);
    const { sweeper, lines } = testSweeper(database.db);
    const sweeping = sweeper.sweep(manual);
    await waitUntilWaiting(database, 1);
    await deleting.query('COMMIT');
    expect(await sweeping).toMatchObject({ stuck: 1, poisoned: 0 });
    expect(await subjects()).toEqual(await stuckIds());
    expect(lines.filter(({ level }) => level === 'error')).toEqual([]);
  });

  test('pg-boss itself, locked for a migration of its own, is waited for a moment only', async () => {
    await subscribe(database, ['delegation.stuck.v1', 'delegation.late_result.v1']);
    await seedDelegation(database, { delegationId: 'marked', silentSeconds: 700 });
    await seedDelegation(database, { delegationId: 'late', status: 'failed' });
    const migrating = await database.connect();
    await migrating.query('BEGIN; LOCK TABLE pgboss.job IN ACCESS EXCLUSIVE MODE');
    const { sweeper, events } = testSweeper(database.db);
    expect(await sweeper.sweep(manual)).toMatchObject({ stuck: 1, poisoned: 0 });
    expect(events('event.not_published')).toMatchObject([{ events: 1, err: { code: '55P03' } }]);
    const { ledger } = testLedger(database.db);
    const late = await ledger.setStatus('late', 'completed', { resultPreview: 'done' });
    expect(late).toMatchObject({ outcome: 'refused' });
    await migrating.query('ROLLBACK');
    expect((await ledger.history('late')).at(-1)).toMatchObject({ event: 'delegation.late_result' });
  });

  test('subscriptions that are locked fail neither a mark nor a late result', async () => {
    await subscribe(database, ['delegation.stuck.v1', 'delegation.late_result.v1']);
    await seedFleet(database, { rows: 5, silentSeconds: 700 });
    await seedDelegation(database, { delegationId: 'late', status: 'failed' });
    const locking = await database.connect();
    await locking.query('BEGIN; LOCK TABLE pgboss.subscription IN ACCESS EXCLUSIVE MODE');
    const locked = testSweeper(database.db);
    expect(await locked.sweeper.sweep(manual)).toMatchObject({ stuck: 5, poisoned: 0 });
    expect(locked.events('event.not_published')).toMatchObject([{ events: 5, queue: null, err: { code: '55P03' } }]);
    const { ledger } = testLedger(database.db);
    await ledger.setStatus('late', 'completed', { resultPreview: 'done' });
    expect((await ledger.history('late')).at(-1)).toMatchObject({ event: 'delegation.late_result' });
    await locking.query('ROLLBACK');
  });

  test('a lock is waited for once for all queues, no longer than the caller waits, and its own limit stays', async () => {
    for (const queue of ['a', 'b', 'c', 'd']) await subscribe(database, ['delegation.stuck.v1'], { queue });
    const locking = await database.connect();
    await locking.query(`BEGIN; SELECT FROM pgboss.queue WHERE name IN ('a', 'b', 'c') FOR UPDATE`);
    const enqueue = `SELECT delegation_enqueue('delegation.stuck.v1', ARRAY['key'], ARRAY['{}'::jsonb]) AS refused`;
    const caller = await database.connect();
    const limits = async () => (await caller.query('SHOW lock_timeout')).rows[0].lock_timeout;
    const seconds: number[] = [];
    for (const limit of ['0', '20ms', '30s']) {
      await caller.query(`SET lock_timeout = '${limit}'`);
      await caller.query('BEGIN');
      const { rows } = await caller.query(
        `SELECT e.refused, extract(epoch FROM clock_timestamp() - statement_timestamp())::float AS seconds FROM (${enqueue} OFFSET 0) e`,
      );
      expect(rows[0].refused).toMatchObject(['a', 'b', 'c'].map((queue) => ({ queue, code: '55P03' })));
      expect(await limits()).toBe(limit);
      await caller.query('COMMIT');
      expect(await limits()).toBe(limit);
      seconds.push(rows[0].seconds);
    }
    expect(seconds[1]).toBeLessThan(seconds[0]!);
    await locking.query('ROLLBACK');
    const rows = await database.query('SELECT name FROM pgboss.job');
    expect(rows).toEqual([{ name: 'd' }, { name: 'd' }, { name: 'd' }]);
  });

  test('a schema of pg-boss that is gone: nobody subscribes, and nothing fails', async () => {
    await database.query('DROP SCHEMA pgboss CASCADE');
    await seedDelegation(database, { delegationId: 'marked', silentSeconds: 700 });
    const { sweeper, lines } = testSweeper(database.db);
    expect(await sweeper.sweep(manual)).toMatchObject({ stuck: 1 });
    const { ledger } = testLedger(database.db);
    await ledger.setStatus('marked', 'completed', { resultPreview: 'done' });
    await new OperatorHolds(database.db).hold({ forMs: 60_000, reason: 'why', by: 'ana' });
    expect((await ledger.history('marked')).at(-1)).toMatchObject({ event: 'delegation.late_result' });
    expect(lines.filter(({ level }) => level === 'error')).toEqual([]);
  });
});

describe('a late result', () => {
  test('that is sent twice, also from two sessions at once, is published once', async () => {
    await subscribe(database, ['delegation.late_result.v1']);
    await seedDelegation(database, { delegationId: 'late', status: 'failed' });
    const { ledger } = testLedger(database.db);
    const send = () => ledger.setStatus('late', 'completed', { resultPreview: 'done' });
    await Promise.all(Array.from({ length: 4 }, send));
    await send();
    expect(await subjects()).toEqual(['late']);
    await ledger.setStatus('late', 'completed', { resultPreview: 'done otherwise' });
    expect(await subjects()).toEqual(['late', 'late']);
  });

  test('is published with the transaction of its caller, or not at all', async () => {
    await subscribe(database, ['delegation.late_result.v1']);
    await seedDelegation(database, { delegationId: 'late', status: 'failed' });
    const sending = database.db.transaction().execute(async (transaction) => {
      await testLedger(transaction).ledger.setStatus('late', 'completed', { resultPreview: 'done' });
      throw new Error('changed its mind');
    });
    await expect(sending).rejects.toThrow('changed its mind');
    expect(await subjects()).toEqual([]);
  });

  test('is kept where the functions that publish are missing', async () => {
    await database.query('DROP FUNCTION delegation_publish(bigint[]), delegation_is_subscribed(text)');
    await seedDelegation(database, { delegationId: 'late', status: 'failed' });
    const { ledger } = testLedger(database.db);
    await ledger.setStatus('late', 'completed', { resultPreview: 'done' });
    expect((await ledger.history('late')).at(-1)).toMatchObject({ event: 'delegation.late_result' });
  });
});

describe('what is published by delegation_publish', () => {
  test('is what this transaction recorded, in a subtransaction as well, and not what another one did meanwhile', async () => {
    await subscribe(database, ['delegation.late_result.v1', 'delegation.failed.v1']);
    await seedDelegation(database, { delegationId: 'late', status: 'failed' });
    const own = await database.connect();
    await own.query('BEGIN; SELECT pg_current_xact_id()');
    await testLedger(database.db).ledger.setStatus('late', 'completed', { resultPreview: 'done' });
    const publish = 'SELECT delegation_publish(ARRAY(SELECT activity_id FROM activity_logs)) AS refused';
    expect((await own.query(publish)).rows).toEqual([{ refused: null }]);
    await own.query(`SAVEPOINT one; INSERT INTO activity_logs (delegation_id, event, from_status, actor, detail)
      VALUES ('late', 'delegation.late_result', 'failed', 'ana', '{"attempted": "the secret"}');
      INSERT INTO activity_logs (delegation_id, event, from_status, to_status, actor)
      VALUES ('late', 'delegation.failed', 'in_progress', 'failed', 'sweeper'); RELEASE one`);
    expect((await own.query(publish)).rows).toEqual([{ refused: null }]);
    const { rows } = await own.query(
      `SELECT data ->> 'type' AS type, data -> 'data' ->> 'attempted' AS attempted FROM pgboss.job ORDER BY attempted NULLS FIRST`,
    );
    // The replay of the activity would not agree with what was made up.
    await own.query('ROLLBACK');
    const told = rows.map(({ type, attempted }) => [type, attempted]);
    expect(told).toEqual([
      ['delegation.late_result.v1', null],
      ['delegation.late_result.v1', 'completed'],
    ]);
  });

  test('is what happened in this transaction: nobody can tell an old event again', async () => {
    await subscribe(database, ['delegation.late_result.v1', 'delegation.failed.v1']);
    await seedDelegation(database, { delegationId: 'late', status: 'failed' });
    const { ledger } = testLedger(database.db);
    await ledger.setStatus('late', 'completed', { resultPreview: 'done' });
    // A later transaction, so that the ids of transactions have moved on.
    await ledger.setStatus(await seedDelegation(database), 'failed', { errorDetail: 'why' });
    await database.query('SELECT pg_current_xact_id()');
    await database.query(
      'SELECT delegation_publish(ARRAY(SELECT activity_id FROM activity_logs)), pg_current_xact_id()',
    );
    expect(await subjects()).toEqual(['late']);
  });
});

describe('the hold of an operator', () => {
  const holds = () => new OperatorHolds(database.db);
  const told = async () => (await eventsIn(database)).map(({ id }) => id).toSorted();

  test('is told once when it begins and once when it ends, whoever ends it', async () => {
    await subscribe(database, ['sweep.held.v1', 'sweep.released.v1']);
    await holds().hold({ forMs: 60_000, reason: 'one', by: 'ana' });
    await holds().release('ana');
    await holds().hold({ forMs: 60_000, reason: 'two', by: 'ana' });
    await holds().hold({ forMs: 60_000, reason: 'three', by: 'ana' });
    await database.query(`UPDATE sweeper_holds SET made_at = made_at - interval '1 hour', held_since = held_since - interval '1 hour',
      held_until = held_until - interval '1 hour' WHERE ended_at IS NULL`);
    const replicas = [testSweeper(database.db), testSweeper(database.db)];
    await Promise.all(replicas.map(({ sweeper }) => sweeper.sweep(manual)));
    await testSweeper(database.db).sweeper.sweep(manual);
    expect(await told()).toEqual(['1:held', '1:released', '2:held', '3:held', '3:released']);
  });

  /** One hold after another, each of which takes the place of one that has expired. What was told, in the order in which pg-boss takes it. */
  async function replacedHolds(count: number): Promise<string[]> {
    await subscribe(database, ['sweep.held.v1', 'sweep.released.v1'], { options: { policy: 'key_strict_fifo' } });
    for (let nr = 1; nr <= count; nr += 1) {
      await holds().hold({ forMs: 60_000, reason: `${nr}`, by: 'ana' });
      await database.query(`UPDATE sweeper_holds SET made_at = made_at - interval '1 hour', held_since = held_since - interval '1 hour',
        held_until = held_until - interval '1 hour' WHERE ended_at IS NULL`);
    }
    const rows = await database.query<{ id: string }>(
      `SELECT j.data ->> 'id' AS id FROM pgboss.job j WHERE j.name = 'listener' ORDER BY j.created_on, j.id`,
    );
    return rows.map(({ id }) => id);
  }
  const inOrder = (count: number) =>
    Array.from({ length: count }, (_, index) => [`${index + 1}:held`, `${index + 1}:released`])
      .flat()
      .slice(0, -1);

  test('that takes the place of an expired one is told after that, though both are of one transaction', async () => {
    expect(await replacedHolds(20)).toEqual(inOrder(20));
  });

  test('and would not be, were the events of a transaction not counted', async () => {
    await using naive = await MutatedFunctions.install(database, { edits: [['$3::bigint + j.nth', 'j.nth']] });
    expect(naive.count).toBe(1);
    const told = await replacedHolds(20);
    expect(told.toSorted()).toEqual(inOrder(20).toSorted());
    expect(told).not.toEqual(inOrder(20));
  });

  test('whose time had passed before the next one is told to have expired', async () => {
    await subscribe(database, ['sweep.held.v1', 'sweep.released.v1']);
    await holds().hold({ forMs: 60_000, reason: 'one', by: 'ana' });
    await database.query(`UPDATE sweeper_holds SET made_at = made_at - interval '1 hour', held_since = held_since - interval '1 hour',
      held_until = held_until - interval '1 hour'`);
    await holds().hold({ forMs: 60_000, reason: 'two', by: 'ana' });
    await testSweeper(database.db).sweeper.sweep(manual);
    expect(await told()).toEqual(['1:held', '1:released', '2:held']);
  });
});
