import { describe, expect, test } from '@jest/globals';
import { migrateUp } from '../../src/ledger/migrate-up.ts';
import { useOldLedger } from './use-old-ledger.ts';

const database = useOldLedger({ empty: true });

interface Shape {
  status?: string;
  lastHeartbeat?: string | null;
  deadline?: string;
  createdAt?: string;
  updatedAt?: string;
  finishedAt?: string | null;
}

async function insert(id: string, shape: Shape = {}): Promise<void> {
  const { status = 'in_progress', lastHeartbeat = 'now', deadline = '2027-01-01T00:00:00Z', finishedAt = null } = shape;
  const { createdAt = '2026-01-01T00:00:00Z', updatedAt = '2026-01-01T00:00:00Z' } = shape;
  await database.query(
    `INSERT INTO old.delegations (delegation_id, caller_id, callee_id, task_preview, status, deadline, created_at,
       updated_at, finished_at, last_heartbeat)
     VALUES ($1, 'a', 'b', 'c', $2, $3, $4, $5, $6, $7)`,
    [id, status, deadline, createdAt, updatedAt, finishedAt, lastHeartbeat],
  );
  // The guard fills it in on INSERT.
  if (lastHeartbeat === null)
    await database.query('UPDATE old.delegations SET last_heartbeat = NULL WHERE delegation_id = $1', [id]);
}

const constraint = () =>
  database.query(
    `SELECT convalidated FROM pg_constraint WHERE conname = 'delegations_instants_sound' AND connamespace = 'old'::regnamespace`,
  );

describe('rows of an older ledger whose instants would be refused now', () => {
  test('are corrected, and the constraint is validated', async () => {
    await insert('as it should be', { lastHeartbeat: '2026-02-02T00:00:00Z' });
    await insert('heard in infinity', { lastHeartbeat: 'infinity' });
    await insert('heard in ten years', { lastHeartbeat: '2036-01-01T00:00:00Z' });
    await insert('heard before time', { lastHeartbeat: '-infinity' });
    await insert('never heard', { lastHeartbeat: null });
    await insert('queued, not heard', { status: 'queued', lastHeartbeat: null });
    await insert('without a deadline', { deadline: 'infinity' });
    await insert('always overdue', { deadline: '-infinity' });
    await insert('recorded at no time', { createdAt: '-infinity', updatedAt: 'infinity', deadline: 'infinity' });
    await insert('finished, heard in infinity', {
      status: 'completed',
      lastHeartbeat: 'infinity',
      finishedAt: '2026-03-03T00:00:00Z',
    });
    await insert('finished in infinity', { status: 'failed', finishedAt: 'infinity' });
    await migrateUp(database.db, 'old');
    expect(await constraint()).toEqual([{ convalidated: true }]);
    const rows = await database.query<Record<string, unknown>>(`
      SELECT delegation_id AS id, status, last_heartbeat AT TIME ZONE 'UTC' AS stamp,
        last_heartbeat > now() - interval '1 minute' AND last_heartbeat <= clock_timestamp() AS just_now,
        deadline = created_at + interval '10 years' AS in_ten_years, deadline = created_at AS at_once,
        isfinite(finished_at) AS finished
      FROM old.delegations`);
    const healed = Object.fromEntries(rows.map(({ id, ...row }) => [id, row]));
    expect(healed['as it should be']).toMatchObject({ just_now: false, in_ten_years: false, at_once: false });
    for (const id of ['heard in infinity', 'heard in ten years', 'heard before time', 'never heard'])
      expect({ id, ...healed[id] }).toMatchObject({ id, status: 'in_progress', just_now: true });
    expect(healed['queued, not heard']).toMatchObject({ stamp: null });
    expect(healed['without a deadline']).toMatchObject({ in_ten_years: true });
    expect(healed['always overdue']).toMatchObject({ at_once: true });
    expect(healed['recorded at no time']).toMatchObject({ in_ten_years: true });
    expect(healed['finished, heard in infinity']).toMatchObject({ status: 'completed', just_now: false });
    expect(healed['finished in infinity']).toMatchObject({ status: 'failed', finished: true });
  });

  test('are corrected by the next `migrate up` when the first was interrupted', async () => {
    await migrateUp(database.db, 'old');
    await database.query(`ALTER TABLE old.delegations DROP CONSTRAINT delegations_instants_sound`);
    for (let row = 0; row < 5; row += 1) await insert(`row-${row}`, { deadline: 'infinity' });
    await database.query(`ALTER TABLE old.delegations ADD CONSTRAINT delegations_instants_sound
      CHECK (isfinite(deadline)) NOT VALID`);
    expect(await migrateUp(database.db, 'old')).toEqual([]);
    expect(await constraint()).toEqual([{ convalidated: true }]);
  });

  test('do not stop the migration of the valid rows, however many there are', async () => {
    await database.query(`INSERT INTO old.delegations (delegation_id, caller_id, callee_id, task_preview, deadline)
      SELECT 'row-' || n, 'a', 'b', repeat('c', 500), CASE WHEN n % 3 = 0 THEN 'infinity' ELSE now() END
      FROM generate_series(1, 7000) n`);
    await migrateUp(database.db, 'old');
    expect(await constraint()).toEqual([{ convalidated: true }]);
    expect(
      await database.query(
        `SELECT count(*)::int AS n FROM old.delegations WHERE deadline > now() + interval '9 years'`,
      ),
    ).toEqual([{ n: 2333 }]);
  });
});

test('constraints that a migration replaced are validated, by the next `migrate up` when the first was interrupted', async () => {
  const notValidated = () =>
    database.query(
      `SELECT conname FROM pg_constraint WHERE NOT convalidated AND connamespace = 'old'::regnamespace AND contype = 'c'`,
    );
  await migrateUp(database.db, 'old');
  expect(await notValidated()).toEqual([]);
  await database.query(`ALTER TABLE old.delegations DROP CONSTRAINT delegations_status_known,
    ADD CONSTRAINT delegations_status_known CHECK (status <> 'none') NOT VALID`);
  await database.query(`ALTER TABLE old.activity_logs DROP CONSTRAINT activity_logs_event_known,
    ADD CONSTRAINT activity_logs_event_known CHECK (event <> 'none') NOT VALID`);
  expect(await notValidated()).toHaveLength(2);
  expect(await migrateUp(database.db, 'old')).toEqual([]);
  expect(await notValidated()).toEqual([]);
});
