import { randomUUID } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import { activityEvents, otherEvents } from '../../src/ledger/activity.ts';
import { PREVIEW_BYTES_MAX } from '../../src/ledger/preview.ts';
import {
  isTerminal,
  mayBecome,
  type Status,
  sourcesOf,
  statuses,
  terminalStatuses,
} from '../../src/ledger/transitions.ts';
import { useDatabase } from '../support/use-database.ts';
import { waitUntilWaiting } from '../support/wait-for.ts';

// Only rows, as a client in any language writes them.
const database = useDatabase({ replayed: false });

interface Row {
  status: Status;
  last_heartbeat: Date | null;
  finished_at: Date | null;
}

const columns = 'status, last_heartbeat, finished_at';

async function insert(status: string, stamps = ''): Promise<{ id: string; row: Row }> {
  const id = randomUUID();
  const [row] = await database.query<Row>(
    `INSERT INTO delegations (delegation_id, caller_id, callee_id, task_preview, status${stamps && ', last_heartbeat, finished_at'})
     VALUES ($1, 'caller', 'callee', 'task', $2${stamps}) RETURNING ${columns}`,
    [id, status],
  );
  return { id, row: row! };
}

async function read(id: string): Promise<Row> {
  const [row] = await database.query<Row>(`SELECT ${columns} FROM delegations WHERE delegation_id = $1`, [id]);
  return row!;
}

const update = (id: string, set: string) =>
  database.query<Row>(`UPDATE delegations SET ${set} WHERE delegation_id = $1 RETURNING ${columns}`, [id]);

const pairs = statuses.flatMap((from) => statuses.map((to) => ({ from, to })));
const legal = pairs.filter(({ from, to }) => mayBecome(from, to));
const backwards = pairs.filter(({ from, to }) => from !== to && !mayBecome(from, to));

describe('the guard in the database', () => {
  test.each(legal)('lets $from become $to, and fills the stamp that belongs to it', async ({ from, to }) => {
    const { id } = await insert(from);
    const [row] = await update(id, `status = '${to}'`);
    expect(row?.status).toBe(to);
    expect(row?.finished_at !== null).toBe(isTerminal(to));
    if (to === 'in_progress') expect(row?.last_heartbeat).not.toBeNull();
  });

  test.each(backwards)('refuses $from to $to, naming both', async ({ from, to }) => {
    const { id, row } = await insert(from);
    const stamps = isTerminal(to) ? ', finished_at = now()' : ', finished_at = NULL';
    for (const set of [`status = '${to}'`, `status = '${to}'${stamps}`]) {
      await expect(update(id, set)).rejects.toMatchObject({
        code: '23514',
        constraint: 'delegations_forward_only',
        message: `delegation status may not go from ${from} to ${to}`,
      });
    }
    expect(await read(id)).toEqual(row);
  });

  test.each(statuses)('leaves %s alone when it is set again', async (status) => {
    const { id, row } = await insert(status);
    expect(await update(id, `status = '${status}'`)).toEqual([row]);
  });

  test('refuses a status that it does not know', async () => {
    const { id } = await insert('queued');
    await expect(update(id, `status = 'done'`)).rejects.toMatchObject({ code: '23514' });
    await expect(insert('done')).rejects.toMatchObject({ code: '23514', constraint: 'delegations_status_known' });
  });

  test('keeps the stamps that the client sets', async () => {
    const { id } = await insert('queued');
    const at = new Date('2026-01-02T03:04:05.678Z');
    const [started] = await update(id, `status = 'in_progress', last_heartbeat = '${at.toISOString()}'`);
    expect(started?.last_heartbeat).toEqual(at);
    const [finished] = await update(id, `status = 'completed', finished_at = '${at.toISOString()}'`);
    expect(finished?.finished_at).toEqual(at);
  });

  test('applies to an upsert and a MERGE as well', async () => {
    const { id } = await insert('completed');
    const upsert = `INSERT INTO delegations (delegation_id, caller_id, callee_id, task_preview) VALUES ($1, 'a', 'b', 'c')
      ON CONFLICT (delegation_id) DO UPDATE SET status = 'queued', finished_at = NULL`;
    await expect(database.query(upsert, [id])).rejects.toMatchObject({ code: '23514' });
    const merge = `MERGE INTO delegations d USING (VALUES ($1)) v (id) ON d.delegation_id = v.id
      WHEN MATCHED THEN UPDATE SET status = 'in_progress', finished_at = NULL`;
    await expect(database.query(merge, [id])).rejects.toMatchObject({ code: '23514' });
    expect((await read(id)).status).toBe('completed');
  });

  test('judges the row as it is after a concurrent transaction has committed, not as the statement first saw it', async () => {
    const { id } = await insert('in_progress');
    const rival = await database.connect();
    await rival.query('BEGIN');
    await rival.query(`UPDATE delegations SET status = 'stuck' WHERE delegation_id = $1`, [id]);
    const late = update(id, `status = 'completed'`);
    late.catch(() => undefined);
    await waitUntilWaiting(database, 1);
    await rival.query('COMMIT');
    await expect(late).rejects.toThrow('delegation status may not go from stuck to completed');
    await rival.end();
  });
});

describe('an insert by a foreign client', () => {
  test.each(statuses)('as %s carries the stamps that the sweep and the checks need', async (status) => {
    const { row } = await insert(status);
    expect(row.finished_at !== null).toBe(isTerminal(status));
    expect(row.last_heartbeat !== null).toBe(status === 'in_progress');
  });

  test('keeps its own stamps', async () => {
    const at = '2026-01-02T03:04:05.000Z';
    expect((await insert('stuck', `, '${at}', '${at}'`)).row).toMatchObject({
      last_heartbeat: new Date(at),
      finished_at: new Date(at),
    });
  });

  test('cannot be finished and open at once', async () => {
    for (const status of statuses.filter((open) => !isTerminal(open))) {
      await expect(insert(status, ', now(), now()')).rejects.toMatchObject({
        code: '23514',
        constraint: 'delegations_finished_when_terminal',
      });
    }
  });
});

describe('a heartbeat of a foreign client', () => {
  const AT = '2026-01-02T03:04:05.000Z';

  /** How many seconds ago the stamp is; null: there is none. */
  async function age(id: string): Promise<number | null> {
    const [row] = await database.query<{ age: number | null }>(
      `SELECT extract(epoch FROM clock_timestamp() - last_heartbeat)::float8 AS age FROM delegations WHERE delegation_id = $1`,
      [id],
    );
    return row!.age;
  }

  async function expectJustNow(id: string): Promise<void> {
    const seconds = await age(id);
    expect(seconds).toBeGreaterThanOrEqual(0);
    expect(seconds).toBeLessThan(60);
  }

  test.each(['infinity', '2290-01-01T00:00:00Z'])('is set to the clock when it is %s', async (future) => {
    await expectJustNow((await insert('in_progress', `, '${future}', NULL`)).id);
    await expectJustNow((await insert('queued', `, '${future}', NULL`)).id);
    const { id } = await insert('in_progress', `, '${AT}', NULL`);
    await update(id, `last_heartbeat = '${future}'`);
    await expectJustNow(id);
    const { id: queued } = await insert('queued');
    await update(queued, `status = 'in_progress', last_heartbeat = '${future}'`);
    await expectJustNow(queued);
  });

  test('is set to the clock when a delegation in progress loses it', async () => {
    const { id } = await insert('in_progress', `, '${AT}', NULL`);
    await update(id, 'last_heartbeat = NULL');
    await expectJustNow(id);
    const { id: queued } = await insert('queued', `, '${AT}', NULL`);
    await update(queued, 'last_heartbeat = NULL');
    expect(await age(queued)).toBeNull();
    await update(queued, `status = 'in_progress', last_heartbeat = NULL`);
    await expectJustNow(queued);
  });

  test('that already lies in the future is set to the clock on entry to in_progress, and by the next heartbeat', async () => {
    const early = async (status: string) => {
      const { id } = await insert(status, `, '${AT}', NULL`);
      // As after the server's clock was set back.
      await database.query('ALTER TABLE delegations DISABLE TRIGGER delegations_guard_stamp');
      await update(id, `last_heartbeat = clock_timestamp() + interval '1 day'`);
      await database.query('ALTER TABLE delegations ENABLE TRIGGER delegations_guard_stamp');
      return id;
    };
    const queued = await early('queued');
    await update(queued, `status = 'in_progress'`);
    await expectJustNow(queued);
    const working = await early('in_progress');
    const [answer] = await database.query('SELECT delegation_heartbeat($1, 600000) AS answer', [working]);
    expect(answer).toMatchObject({ answer: { stamped: true } });
    await expectJustNow(working);
  });

  test.each([
    `deadline = 'infinity'`,
    `deadline = '-infinity'`,
    `last_heartbeat = '-infinity'`,
    `created_at = '-infinity'`,
    `updated_at = 'infinity'`,
    `status = 'completed', finished_at = 'infinity'`,
  ])('must be finite, like any other instant: %s is refused', async (set) => {
    const { id, row } = await insert('in_progress', `, '${AT}', NULL`);
    await expect(update(id, set)).rejects.toMatchObject({ code: '23514', constraint: 'delegations_instants_sound' });
    expect(await read(id)).toEqual(row);
  });
});

describe('the texts of a foreign client', () => {
  const columns = ['delegation_id', 'caller_id', 'callee_id', 'idempotency_key'] as const;
  const write = (column: string, value: string) => {
    const texts = {
      delegation_id: randomUUID(),
      caller_id: 'a',
      callee_id: 'b',
      idempotency_key: null,
      task_preview: 'c',
    };
    const given = { ...texts, [column]: value };
    return database.query(
      `INSERT INTO delegations (${Object.keys(given).join(', ')}) VALUES ($1, $2, $3, $4, $5)`,
      Object.values(given),
    );
  };

  test.each(columns)('%s has 1 to 200 characters, in an insert and in an update', async (column) => {
    const { id, row } = await insert('queued');
    for (const length of [0, 201]) {
      const refusal = {
        code: '23514',
        constraint: `delegations_${column}_length`,
        message: expect.stringContaining(column),
      };
      await expect(write(column, '🙂'.repeat(length))).rejects.toMatchObject(refusal);
      await expect(update(id, `${column} = repeat('🙂', ${length})`)).rejects.toMatchObject(refusal);
    }
    expect(await read(id)).toEqual(row);
    await write(column, randomUUID().padEnd(200, '🙂'));
  });

  test('task_preview has at most 4096 bytes, in an insert and in an update', async () => {
    const { id, row } = await insert('queued');
    const refusal = { code: '23514', constraint: 'delegations_task_preview_size' };
    await expect(write('task_preview', 'é'.repeat(2049))).rejects.toMatchObject(refusal);
    await expect(update(id, `task_preview = repeat('é', 2049)`)).rejects.toMatchObject(refusal);
    expect(await read(id)).toEqual(row);
    await write('task_preview', 'é'.repeat(2048));
  });
});

describe('the cost of the guard', () => {
  const triggersOf = async (id: string, set: string) => {
    const sql = `EXPLAIN (ANALYZE, FORMAT JSON) UPDATE delegations SET ${set} WHERE delegation_id = $1`;
    const [row] = await database.query<{ 'QUERY PLAN': [{ Triggers: { 'Trigger Name': string; Calls: number }[] }] }>(
      sql,
      [id],
    );
    return row!['QUERY PLAN'][0].Triggers.map((trigger) => trigger['Trigger Name']);
  };

  test('is paid only by an update of the status or the stamp: the triggers are for those columns', async () => {
    const hung = await database.query(`
      SELECT t.tgname, array_agg(a.attname::text ORDER BY a.attnum) AS columns
      FROM pg_trigger t LEFT JOIN pg_attribute a ON a.attrelid = t.tgrelid AND a.attnum = ANY(t.tgattr)
      WHERE t.tgrelid = 'delegations'::regclass AND NOT t.tgisinternal GROUP BY t.tgname ORDER BY t.tgname`);
    expect(hung).toEqual([
      { tgname: 'delegations_guard_insert', columns: [null] },
      {
        tgname: 'delegations_guard_meaning',
        columns: [
          'stuck_after_ms',
          'waiting_since',
          'waiting_until',
          'waiting_reason',
          'progress',
          'progress_at',
          'stalled_after_ms',
          'retry_of',
          'attempt',
          'traceparent',
        ],
      },
      { tgname: 'delegations_guard_stamp', columns: ['last_heartbeat'] },
      {
        tgname: 'delegations_guard_texts',
        columns: ['delegation_id', 'caller_id', 'callee_id', 'idempotency_key', 'task_preview'],
      },
      { tgname: 'delegations_guard_update', columns: ['status'] },
      { tgname: 'delegations_start_after', columns: ['start_after'] },
      { tgname: 'delegations_symmetry_insert', columns: [null] },
      { tgname: 'delegations_symmetry_update', columns: ['status'] },
    ]);
  });

  test('is no call at all for a heartbeat', async () => {
    const { id } = await insert('queued');
    expect(await triggersOf(id, 'last_heartbeat = clock_timestamp()')).toEqual([]);
  });

  test.each(legal)('is no call at all for $from to $to with its stamps', async ({ from, to }) => {
    const { id } = await insert(from);
    const stamp = to === 'in_progress' ? ', last_heartbeat = clock_timestamp()' : '';
    const end = isTerminal(to) ? ', finished_at = clock_timestamp()' : '';
    // A writer that counts revisions, for whom the database adds no activity.
    expect(await triggersOf(id, `status = '${to}', revision = revision + 1${stamp}${end}`)).toEqual([]);
  });

  test('is no call at all for a plain insert', async () => {
    const [row] = await database.query<{ 'QUERY PLAN': [{ Triggers: unknown[] }] }>(
      `EXPLAIN (ANALYZE, FORMAT JSON) INSERT INTO delegations (delegation_id, caller_id, callee_id, idempotency_key, task_preview, revision)
       VALUES ($1, 'a', 'b', 'key', 'task', 1)`,
      [randomUUID()],
    );
    expect(row!['QUERY PLAN'][0].Triggers).toEqual([]);
  });

  test('is one call for a stamp that must be set to the clock', async () => {
    const { id } = await insert('in_progress');
    expect(await triggersOf(id, `last_heartbeat = 'infinity'`)).toEqual(['delegations_guard_stamp']);
  });

  test('is one call for a transition without its stamp', async () => {
    const { id } = await insert('queued');
    expect(await triggersOf(id, `status = 'failed'`)).toEqual(['delegations_guard_update']);
  });
});

describe('the checks in the database agree with the code', () => {
  const definition = async (constraint: string) => {
    const [row] = await database.query<{ text: string }>(
      'SELECT pg_get_constraintdef(oid) AS text FROM pg_constraint WHERE conname = $1',
      [constraint],
    );
    return [...row!.text.matchAll(/'\{?([^'{}]*)\}?'::text/g)].flatMap(([, value]) => value!.split(','));
  };

  test('about statuses', async () => {
    expect(await definition('delegations_status_known')).toEqual(statuses);
    expect(await definition('delegations_finished_when_terminal')).toEqual(terminalStatuses);
    expect(await definition('delegations_instants_sound')).toEqual(sourcesOf('stuck'));
    expect(await definition('activity_logs_from_status_known')).toEqual(statuses);
    expect(await definition('activity_logs_to_status_known')).toEqual(statuses);
  });

  test('about activities: each event with its status, and no other', async () => {
    const write = (event: string, to: string | null) =>
      database.query(
        `INSERT INTO activity_logs (delegation_id, event, to_status, actor) VALUES ('x', $1, $2, 'test')`,
        [event, to],
      );
    for (const event of [...activityEvents, 'delegation.done', 'stuck']) {
      for (const to of [...statuses, null]) {
        const known = to === null ? (otherEvents as readonly string[]).includes(event) : event === `delegation.${to}`;
        if (known) await write(event, to);
        else await expect(write(event, to)).rejects.toMatchObject({ code: '23514' });
      }
    }
  });

  test('about sizes: bytes for previews, characters for ids', async () => {
    const { id } = await insert('failed');
    for (const column of ['task_preview', 'result_preview', 'error_detail']) {
      await update(id, `${column} = repeat('€', 1365) || 'x'`);
      await expect(update(id, `${column} = repeat('x', ${PREVIEW_BYTES_MAX + 1})`)).rejects.toMatchObject({
        code: '23514',
      });
    }
    for (const column of ['caller_id', 'callee_id', 'idempotency_key', 'delegation_id']) {
      await expect(update(id, `${column} = ''`)).rejects.toMatchObject({ code: '23514' });
      await expect(update(id, `${column} = repeat('🦊', 201)`)).rejects.toMatchObject({ code: '23514' });
      await update(id, `${column} = repeat('🦊', 199) || substr('${id}', 1, 1)`).catch((err) => {
        throw new Error(`${column} does not hold 200 characters`, { cause: err });
      });
      if (column === 'delegation_id') break;
    }
  });
});
