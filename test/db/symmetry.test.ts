import { randomUUID } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import { testLedger } from '../support/fixtures.ts';
import { useDatabase } from '../support/use-database.ts';

// Each test ends with the check that activity replays to its rows.
const database = useDatabase();

const insert = `INSERT INTO delegations (delegation_id, caller_id, callee_id, task_preview, status)
  VALUES ($1, 'caller', 'callee', 'task', $2)`;

const activity = (id: string) =>
  database.query(
    `SELECT event, from_status, to_status, actor, detail FROM activity_logs WHERE delegation_id = $1 ORDER BY activity_id`,
    [id],
  );

const update = (id: string, set: string) =>
  database.query(`UPDATE delegations SET ${set} WHERE delegation_id = $1`, [id]);

const row = (event: string, from: string | null, detail: object = {}, actor = 'postgres') => ({
  event: `delegation.${event}`,
  from_status: from,
  to_status: event,
  actor,
  detail,
});

describe('a status that a client changes by a plain statement', () => {
  test('has its activity when the transaction commits, in the order of the changes', async () => {
    const id = randomUUID();
    await database.query(insert, [id, 'queued']);
    await update(id, `status = 'in_progress'`);
    await update(id, `status = 'failed', error_detail = 'why'`);
    expect(await activity(id)).toEqual([
      row('queued', null),
      row('in_progress', 'queued'),
      row('failed', 'in_progress', { errorDetail: 'why' }),
    ]);
  });

  test('has all of them when it goes several steps in one transaction, and none when that is rolled back', async () => {
    const session = await database.connect();
    const [kept, undone] = [randomUUID(), randomUUID()];
    for (const [id, end] of [
      [undone, 'ROLLBACK'],
      [kept, 'COMMIT'],
    ] as const) {
      await session.query('BEGIN');
      await session.query(insert, [id, 'dispatched']);
      await session.query(`UPDATE delegations SET status = 'in_progress' WHERE delegation_id = $1`, [id]);
      await session.query(
        `UPDATE delegations SET status = 'completed', result_preview = 'r' WHERE delegation_id = $1`,
        [id],
      );
      await session.query(end);
    }
    expect(await activity(kept)).toEqual([
      row('dispatched', null),
      row('in_progress', 'dispatched'),
      row('completed', 'in_progress', { resultPreview: 'r' }),
    ]);
    expect(await activity(undone)).toEqual([]);
    await session.end();
  });

  test('has one activity and not two when its writer records it later in the transaction', async () => {
    const session = await database.connect();
    const id = randomUUID();
    await session.query('BEGIN');
    await session.query(insert, [id, 'queued']);
    await session.query(
      `INSERT INTO activity_logs (delegation_id, event, to_status, actor) VALUES ($1, 'delegation.queued', 'queued', 'me')`,
      [id],
    );
    await session.query(`UPDATE delegations SET status = 'failed' WHERE delegation_id = $1`, [id]);
    await session.query('COMMIT');
    expect(await activity(id)).toEqual([row('queued', null, {}, 'me'), row('failed', 'queued')]);
    await session.end();
  });

  test('is recorded for a delegation whose id an earlier one had', async () => {
    const id = randomUUID();
    await database.query(insert, [id, 'failed']);
    await database.query('DELETE FROM delegations WHERE delegation_id = $1', [id]);
    await database.query(insert, [id, 'failed']);
    expect(await activity(id)).toEqual([row('failed', null), row('failed', null)]);
    await database.query('DELETE FROM delegations WHERE delegation_id = $1', [id]);
    await database.query('DELETE FROM activity_logs WHERE delegation_id = $1', [id]);
  });

  test('is recorded under the name of its role, which need not be allowed to write activity', async () => {
    const role = `narrow_${randomUUID().slice(0, 8)}`;
    await database.query(`CREATE ROLE ${role}`);
    await database.query(`GRANT SELECT, UPDATE (status) ON delegations TO ${role}`);
    const id = randomUUID();
    await database.query(insert, [id, 'queued']);
    const session = await database.connect();
    await session.query(`SET ROLE ${role}`);
    await session.query(`UPDATE delegations SET status = 'dispatched' WHERE delegation_id = $1`, [id]);
    await expect(
      session.query(
        `INSERT INTO activity_logs (delegation_id, event, actor) VALUES ('x', 'delegation.late_result', 'x')`,
      ),
    ).rejects.toMatchObject({ code: '42501' });
    await session.end();
    expect((await activity(id)).at(-1)).toEqual(row('dispatched', 'queued', {}, role));
    await database.query(`DROP OWNED BY ${role}`);
    await database.query(`DROP ROLE ${role}`);
  });

  test('comes before those that a function of the schema records later in the same transaction', async () => {
    const id = randomUUID();
    const session = await database.connect();
    await session.query('BEGIN');
    await session.query(insert, [id, 'queued']);
    await session.query(`SELECT delegation_set_status($1, 'dispatched')`, [id]);
    await session.query('SAVEPOINT inner_one');
    await session.query(`UPDATE delegations SET status = 'in_progress' WHERE delegation_id = $1`, [id]);
    await session.query('RELEASE SAVEPOINT inner_one');
    await session.query(`SELECT delegation_set_status($1, 'completed')`, [id]);
    await session.query('COMMIT');
    await session.end();
    expect(await activity(id)).toEqual([
      row('queued', null),
      row('dispatched', 'queued', {}, 'ledger'),
      row('in_progress', 'dispatched'),
      row('completed', 'in_progress', {}, 'ledger'),
    ]);
  });

  test('is not a change when the same status is set again', async () => {
    const id = randomUUID();
    await database.query(insert, [id, 'queued']);
    await update(id, `status = 'queued'`);
    expect(await activity(id)).toHaveLength(1);
  });
});

test("no other role may use what records it, which runs with its owner's rights, on tables of its own", async () => {
  const role = `intruder_${randomUUID().slice(0, 8)}`;
  await database.query(`CREATE ROLE ${role}`);
  const session = await database.connect();
  await session.query(`SET ROLE ${role}`);
  await session.query('CREATE TEMP TABLE delegations (delegation_id text)');
  await expect(
    session.query(`CREATE TRIGGER intrusion AFTER INSERT ON pg_temp.delegations FOR EACH ROW
      EXECUTE FUNCTION public.delegations_symmetry()`),
  ).rejects.toMatchObject({ code: '42501' });
  await session.end();
  await database.query(`DROP ROLE ${role}`);
});

test('the library and its sweep have one activity for each transition', async () => {
  const { ledger } = testLedger(database.db);
  const id = randomUUID();
  await ledger.insert({ delegationId: id, callerId: 'a', calleeId: 'b', taskPreview: 'c' });
  await ledger.setStatus(id, 'in_progress');
  await ledger.setStatus(id, 'completed');
  expect((await ledger.history(id)).map(({ event }) => event)).toEqual([
    'delegation.queued',
    'delegation.in_progress',
    'delegation.completed',
  ]);
});
