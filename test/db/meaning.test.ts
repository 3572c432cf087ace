import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { suspectAt } from '../../src/ledger/functions/suspect-at.ts';
import { useDatabase } from '../support/use-database.ts';

// What the database derives for any client, from plain statements.
const database = useDatabase();

const THRESHOLD_MS = 600_000;
beforeAll(() => database.query(`UPDATE sweeper_threshold SET stuck_after_ms = ${THRESHOLD_MS}`));

async function insert(status: string, columns: Readonly<Record<string, string>> = {}): Promise<string> {
  const id = randomUUID();
  const names = ['delegation_id', 'caller_id', 'callee_id', 'task_preview', 'status', ...Object.keys(columns)];
  const values = [`'${id}'`, `'a'`, `'b'`, `'c'`, `'${status}'`, ...Object.values(columns)];
  await database.query(`INSERT INTO delegations (${names.join(', ')}) VALUES (${values.join(', ')})`);
  return id;
}

const update = (id: string, set: string) =>
  database.query(`UPDATE delegations SET ${set} WHERE delegation_id = '${id}'`);

/** In seconds from now, rounded; null where there is none. */
async function seconds(id: string, column: string): Promise<number | null> {
  const [row] = await database.query<{ seconds: number | null }>(
    `SELECT round(extract(epoch FROM ${column} - clock_timestamp()))::float8 AS seconds FROM delegations WHERE delegation_id = $1`,
    [id],
  );
  return row!.seconds;
}

async function get<Row>(id: string, columns: string): Promise<Row> {
  const [row] = await database.query<Row>(`SELECT ${columns} FROM delegations WHERE delegation_id = $1`, [id]);
  return row!;
}

/** Within what a slow machine may take. */
function expectAbout(actual: number | null, expected: number): void {
  expect(actual).toBeGreaterThan(expected - 30);
  expect(actual).toBeLessThanOrEqual(expected + 1);
}

const waiting = (until: string) =>
  `waiting_since = clock_timestamp(), waiting_until = clock_timestamp() + interval '${until}', waiting_reason = 'a person'`;
const awake = 'waiting_since = NULL, waiting_until = NULL, waiting_reason = NULL';

describe('the instant before which no rule about silence can match', () => {
  test('is not kept for a plain row, whatever happens to it', async () => {
    const id = await insert('queued', { traceparent: `'00-${'a'.repeat(32)}-${'b'.repeat(16)}-01'`, attempt: '2' });
    await update(id, `status = 'in_progress'`);
    await update(id, `progress = 'half way'`);
    expect(await seconds(id, 'suspect_at')).toBeNull();
  });

  test('is the last heartbeat and the own threshold', async () => {
    const id = await insert('queued', { stuck_after_ms: '5000000' });
    expectAbout(await seconds(id, 'suspect_at'), 5000);
    await update(id, `status = 'in_progress', last_heartbeat = clock_timestamp() - interval '1000 seconds'`);
    expectAbout(await seconds(id, 'suspect_at'), 4000);
    await update(id, 'stuck_after_ms = 2000000');
    expectAbout(await seconds(id, 'suspect_at'), 1000);
    await update(id, `status = 'completed'`);
    expect(await seconds(id, 'suspect_at')).toBeNull();
  });

  test('is the end of a wait and the threshold, the own one or that of the daemons', async () => {
    const own = await insert('in_progress', { stuck_after_ms: '5000000' });
    const plain = await insert('in_progress');
    for (const id of [own, plain]) await update(id, waiting('1 hour'));
    expectAbout(await seconds(own, 'suspect_at'), 8600);
    expectAbout(await seconds(plain, 'suspect_at'), 4200);
    for (const id of [own, plain]) await update(id, awake);
    expectAbout(await seconds(own, 'suspect_at'), 5000);
    expect(await seconds(plain, 'suspect_at')).toBeNull();
  });

  test('is the last progress and what it may take, where that comes first', async () => {
    const id = await insert('in_progress', { stalled_after_ms: '100000' });
    expectAbout(await seconds(id, 'suspect_at'), 100);
    await update(id, `progress = 'half', progress_at = clock_timestamp() - interval '50 seconds'`);
    // What is said about progress from before it could stall does not count back.
    expectAbout(await seconds(id, 'suspect_at'), 100);
    await update(id, 'stalled_after_ms = 900000');
    expectAbout(await seconds(id, 'suspect_at'), 600);
    expectAbout(await seconds(id, 'stalled_from'), 0);
    await update(id, 'stalled_after_ms = NULL');
    expect(await get(id, 'suspect_at, stalled_from')).toEqual({ suspect_at: null, stalled_from: null });
  });

  test('is what src/ledger/functions/suspect-at.ts says', async () => {
    const migration = await readFile(new URL('../../migrations/0006_meaning.ts', import.meta.url), 'utf8');
    const expression = suspectAt({
      lastHeartbeat: 'NEW.last_heartbeat',
      waitingUntil: 'NEW.waiting_until',
      progressAt: 'NEW.progress_at',
      stalledFrom: 'NEW.stalled_from',
      stuckAfterMs: 'NEW.stuck_after_ms',
      stalledAfterMs: 'NEW.stalled_after_ms',
      inForceMs: 'in_force_ms',
      at: 'at',
    });
    expect(migration).toContain(expression);
  });
});

describe('a threshold that is lowered', () => {
  const lowered = (id: string) => get(id, 'lowered_from_ms, lowered_at IS NOT NULL AS lowered');
  const none = { lowered_from_ms: null, lowered: false };

  test('is remembered until the row has been heard, the longest of several', async () => {
    const id = await insert('in_progress', { stuck_after_ms: '50000' });
    expect(await lowered(id)).toEqual(none);
    await update(id, 'stuck_after_ms = 40000');
    expect(await lowered(id)).toEqual({ lowered_from_ms: '50000', lowered: true });
    await update(id, 'stuck_after_ms = 20000');
    expect(await lowered(id)).toEqual({ lowered_from_ms: '50000', lowered: true });
    await update(id, 'stuck_after_ms = 30000');
    expect(await lowered(id)).toEqual({ lowered_from_ms: '50000', lowered: true });
    await update(id, 'stuck_after_ms = 60000');
    expect(await lowered(id)).toEqual(none);
    await update(id, 'stuck_after_ms = 40000');
    await update(id, 'last_heartbeat = clock_timestamp()');
    await update(id, 'stuck_after_ms = 30000');
    expect(await lowered(id)).toEqual({ lowered_from_ms: '40000', lowered: true });
  });

  test('is one, too, when the daemons’ was longer as the row was last heard', async () => {
    const unaware = await insert('in_progress', { last_heartbeat: "clock_timestamp() - interval '60 s'" });
    await database.query(`INSERT INTO sweeper_lowerings VALUES (clock_timestamp(), 7000000)`);
    const aware = await insert('in_progress');
    for (const id of [unaware, aware]) await update(id, `stuck_after_ms = ${2 * THRESHOLD_MS}`);
    await database.query('DELETE FROM sweeper_lowerings');
    expect(await lowered(unaware)).toEqual({ lowered_from_ms: '7000000', lowered: true });
    expect(await lowered(aware)).toEqual(none);
  });

  test("is one, too, when it was the daemons' before, or is from now on", async () => {
    const id = await insert('in_progress');
    await update(id, 'stuck_after_ms = 20000');
    expect(await lowered(id)).toEqual({ lowered_from_ms: String(THRESHOLD_MS), lowered: true });
    const other = await insert('in_progress', { stuck_after_ms: '5000000' });
    await update(other, 'stuck_after_ms = NULL');
    expect(await lowered(other)).toEqual({ lowered_from_ms: '5000000', lowered: true });
    // Still not a plain row, which the daemons' threshold would judge at once.
    expect(await seconds(other, 'suspect_at')).not.toBeNull();
    await update(other, 'last_heartbeat = clock_timestamp()');
    await update(other, `progress = 'heard'`);
    expect(await lowered(other)).toEqual(none);
    expect(await seconds(other, 'suspect_at')).toBeNull();
  });
});

describe('a wait', () => {
  test('moves the deadline by its length, and gives back what was not used', async () => {
    const id = await insert('in_progress', { deadline: `clock_timestamp() + interval '1000 seconds'` });
    await update(id, waiting('500 seconds'));
    expectAbout(await seconds(id, 'deadline'), 1500);
    await update(id, waiting('200 seconds'));
    expectAbout(await seconds(id, 'deadline'), 1200);
    await update(id, awake);
    expectAbout(await seconds(id, 'deadline'), 1000);
    // What has passed is not given back.
    await update(
      id,
      `waiting_since = clock_timestamp() - interval '2 days', waiting_until = clock_timestamp() - interval '1 day',
      waiting_reason = 'over'`,
    );
    expectAbout(await seconds(id, 'deadline'), 1000);
    await update(id, awake);
    expectAbout(await seconds(id, 'deadline'), 1000);
  });

  test('that any client ends is a sign of life: silence does not count from before the wait', async () => {
    const heard = { last_heartbeat: "clock_timestamp() - interval '1 day'" };
    const id = await insert('in_progress', heard);
    await update(id, waiting('3600 s'));
    expectAbout(await seconds(id, 'last_heartbeat'), -86_400);
    await update(id, awake);
    expectAbout(await seconds(id, 'last_heartbeat'), 0);
    const late = await insert('in_progress', { ...heard, stuck_after_ms: '50000' });
    await update(late, waiting('3600 s'));
    await update(late, awake);
    expectAbout(await seconds(late, 'suspect_at'), 50);
  });

  test('moves it by seconds: the session may stand in a zone where a day has 25 hours', async () => {
    const session = await database.connect();
    await session.query(`SET TimeZone = 'Europe/Berlin'`);
    const id = await insert('queued', { deadline: `'2026-10-24T12:00:00Z'` });
    const { rows } = await session.query(
      `UPDATE delegations SET ${waiting('72 hours')} WHERE delegation_id = $1
       RETURNING round(extract(epoch FROM deadline - '2026-10-24T12:00:00Z'::timestamptz))::int AS seconds`,
      [id],
    );
    expectAbout(rows[0].seconds, 72 * 3600);
    await session.end();
  });

  test.each(['dispatched', 'in_progress', 'failed'])('ends when the status becomes %s', async (status) => {
    const id = await insert('queued', { deadline: `clock_timestamp() + interval '1000 seconds'` });
    await update(id, waiting('500 seconds'));
    await update(id, `status = '${status}'`);
    expect(await get(id, 'waiting_since, waiting_until, waiting_reason')).toEqual({
      waiting_since: null,
      waiting_until: null,
      waiting_reason: null,
    });
    expectAbout(await seconds(id, 'deadline'), 1000);
  });
});

describe('a writer that counts no revisions', () => {
  const refusal = { code: '23514', constraint: 'delegations_own_silence' };

  test('may not mark a row that waits, or whose own threshold has not passed', async () => {
    const waits = await insert('in_progress');
    await update(waits, waiting('1 hour'));
    const patient = await insert('in_progress', { stuck_after_ms: '5000000' });
    await update(patient, `last_heartbeat = clock_timestamp() - interval '4000 seconds'`);
    for (const id of [waits, patient]) await expect(update(id, `status = 'stuck'`)).rejects.toMatchObject(refusal);
    await update(patient, `last_heartbeat = clock_timestamp() - interval '5001 seconds'`);
    await update(patient, `status = 'stuck'`);
    await update(waits, `status = 'failed'`);
  });

  test('may not mark by a threshold that was lowered and that the agent does not know', async () => {
    const id = await insert('in_progress', {
      last_heartbeat: `clock_timestamp() - interval '100 seconds'`,
      stuck_after_ms: '500000',
    });
    await update(id, 'stuck_after_ms = 50000');
    await expect(update(id, `status = 'stuck'`)).rejects.toMatchObject(refusal);
  });

  test('marks plain rows as ever', async () => {
    await update(await insert('in_progress'), `status = 'stuck'`);
  });

  test('one that counts them is believed', async () => {
    const id = await insert('in_progress', { stuck_after_ms: '5000000' });
    await update(id, `status = 'stuck', revision = revision + 1`);
    await database.query(
      `INSERT INTO activity_logs (delegation_id, event, from_status, to_status, actor)
       VALUES ($1, 'delegation.stuck', 'in_progress', 'stuck', 'test')`,
      [id],
    );
  });
});

describe('what is not accepted', () => {
  test.each([
    ['stuck_after_ms', 'stuck_after_ms = 999'],
    ['stuck_after_ms', 'stuck_after_ms = 2592000001'],
    ['stalled_after_ms', 'stalled_after_ms = 0'],
    ['waiting_since', 'waiting_since = now()'],
    ['waiting_since', `waiting_until = now() + interval '1 hour'`],
    ['waiting_until', `waiting_since = now(), waiting_until = now(), waiting_reason = 'x'`],
    ['waiting_until', `waiting_since = '-infinity', waiting_until = now(), waiting_reason = 'x'`],
    ['waiting_until', `waiting_since = now(), waiting_until = 'infinity', waiting_reason = 'x'`],
    ['waiting_until', `waiting_since = now(), waiting_until = now() + interval '721 hours', waiting_reason = 'x'`],
    ['waiting_reason', `waiting_since = now(), waiting_until = now() + interval '1 hour', waiting_reason = ''`],
    [
      'waiting_reason',
      `waiting_since = now(), waiting_until = now() + interval '1 hour', waiting_reason = repeat('x', 201)`,
    ],
    ['progress', `progress = ''`],
    ['progress', `progress = repeat('x', 201)`],
    ['progress_at', `progress = 'x', progress_at = '-infinity'`],
    ['retry_of', `retry_of = ''`],
    ['attempt', 'attempt = 0'],
    ['traceparent', `traceparent = '00-xyz'`],
  ])('%s: %s', async (column, set) => {
    const id = await insert('queued');
    const before = await get(id, '*');
    await expect(update(id, set)).rejects.toMatchObject({
      code: '23514',
      constraint: 'delegations_meaning_sound',
      message: expect.stringContaining(column),
    });
    expect(await get(id, '*')).toEqual(before);
  });

  test('holds for an insert, too', async () => {
    await expect(insert('queued', { stuck_after_ms: '1' })).rejects.toMatchObject({ code: '23514' });
  });
});
