import { randomUUID } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import { useDatabase } from '../../support/use-database.ts';
import { waitUntilWaiting } from '../../support/wait-for.ts';

const database = useDatabase();

const insert = (args: string, values: unknown[] = []) =>
  database.query<{ outcome: string; delegation_id: string; status: string }>(
    `SELECT * FROM delegation_insert(${args})`,
    values,
  );

describe('delegation_insert', () => {
  test('records a delegation as queued, with its activity', async () => {
    const id = randomUUID();
    expect(
      await insert(
        `$1, 'caller', 'callee', 'task', stuck_after_ms => 5000, stalled_after_ms => 6000,
        deadline_ms => 60000, request_body => '{"a": 1}', traceparent => '00-${'a'.repeat(32)}-${'b'.repeat(16)}-01'`,
        [id],
      ),
    ).toEqual([{ outcome: 'inserted', delegation_id: id, status: 'queued' }]);
    expect(
      await database.query(
        `SELECT stuck_after_ms, stalled_after_ms, attempt, revision, traceparent,
           extract(epoch FROM deadline - created_at)::int AS deadline FROM delegations WHERE delegation_id = $1`,
        [id],
      ),
    ).toEqual([
      {
        stuck_after_ms: '5000',
        stalled_after_ms: '6000',
        attempt: 1,
        revision: 1,
        traceparent: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`,
        deadline: 60,
      },
    ]);
    expect(
      await database.query('SELECT event, actor, request_body FROM activity_logs WHERE delegation_id = $1', [id]),
    ).toEqual([{ event: 'delegation.queued', actor: 'ledger', request_body: { a: 1 } }]);
  });

  test('names who holds the id, or the key of the caller', async () => {
    const [id, key] = [randomUUID(), randomUUID()];
    await insert(`$1, 'caller', 'callee', 'task', $2`, [id, key]);
    const duplicate = [{ outcome: 'duplicate', delegation_id: id, status: 'queued' }];
    expect(await insert(`$1, 'caller', 'callee', 'task'`, [id])).toEqual(duplicate);
    expect(await insert(`$1, 'caller', 'callee', 'task', $2`, [randomUUID(), key])).toEqual(duplicate);
    expect(await insert(`$1, 'other', 'callee', 'task', $2`, [randomUUID(), key])).toMatchObject([
      { outcome: 'inserted' },
    ]);
  });

  test('names the winner of a race that ended while it waited', async () => {
    const [id, key] = [randomUUID(), randomUUID()];
    const rival = await database.connect();
    await rival.query('BEGIN');
    await rival.query(`SELECT delegation_insert($1, 'caller', 'callee', 'task', $2)`, [id, key]);
    const late = insert(`$1, 'caller', 'callee', 'task', $2`, [randomUUID(), key]);
    await waitUntilWaiting(database, 1);
    await rival.query('COMMIT');
    expect(await late).toEqual([{ outcome: 'duplicate', delegation_id: id, status: 'queued' }]);
    await rival.end();
  });

  test('cuts a preview of many megabytes by its first characters', async () => {
    const id = randomUUID();
    await insert(`$1, 'a', 'b', 'x' || repeat('€', 5000000)`, [id]);
    expect(
      await database.query(
        `SELECT task_preview = 'x' || repeat('€', 1365) AS starts FROM delegations WHERE delegation_id = $1`,
        [id],
      ),
    ).toEqual([{ starts: true }]);
  });

  test('cuts a preview on a code point', async () => {
    for (const [text, bytes] of [
      ['x'.repeat(5000), 4096],
      [`x${'€'.repeat(3000)}`, 4096],
      [`xx${'€'.repeat(3000)}`, 4094],
      [`xxx${'🦊'.repeat(3000)}`, 4095],
      ['🦊'.repeat(1024), 4096],
    ] as const) {
      const id = randomUUID();
      await insert(`$1, 'a', 'b', $2`, [id, text]);
      const [row] = await database.query<{ text: string; bytes: number }>(
        'SELECT task_preview AS text, octet_length(task_preview) AS bytes FROM delegations WHERE delegation_id = $1',
        [id],
      );
      expect(text.startsWith(row!.text)).toBe(true);
      expect(row!.bytes).toBe(bytes);
    }
  });

  test.each([
    ['id', `'', 'a', 'b', 'c'`],
    ['id', `NULL, 'a', 'b', 'c'`],
    ['id', `repeat('x', 201), 'a', 'b', 'c'`],
    ['id', `chr(7), 'a', 'b', 'c'`],
    ['id', `chr(133), 'a', 'b', 'c'`],
    ['caller', `'x', NULL, 'b', 'c'`],
    ['callee', `'x', 'a', E'b\\n', 'c'`],
    ['preview', `'x', 'a', 'b', NULL`],
    ['idempotency_key', `'x', 'a', 'b', 'c', ''`],
    ['deadline', `'x', 'a', 'b', 'c', deadline => 'infinity'`],
    ['deadline', `'x', 'a', 'b', 'c', deadline => '1969-01-01'`],
    ['deadline_ms', `'x', 'a', 'b', 'c', deadline => now(), deadline_ms => 1`],
    ['deadline_ms', `'x', 'a', 'b', 'c', deadline_ms => 0`],
    ['deadline_ms', `'x', 'a', 'b', 'c', deadline_ms => 'NaN'`],
    ['stuck_after_ms', `'x', 'a', 'b', 'c', stuck_after_ms => 999`],
    ['stalled_after_ms', `'x', 'a', 'b', 'c', stalled_after_ms => 2592000001`],
    ['traceparent', `'x', 'a', 'b', 'c', traceparent => 'x'`],
  ])('refuses %s: %s', async (name, args) => {
    await expect(insert(args)).rejects.toMatchObject({ code: '22023', message: expect.stringMatching(`^${name} `) });
    expect(await database.query(`SELECT FROM delegations WHERE delegation_id = 'x'`)).toEqual([]);
  });
});

interface Element {
  readonly id: string;
  readonly caller: string;
  readonly callee: string;
  readonly preview: string;
  readonly idempotency_key?: string;
  readonly stuck_after_ms?: number;
  readonly request_body?: object;
}

const columns = 'place::int, outcome, delegation_id, status';

describe.each([
  [
    'a JSON array',
    (rows: readonly Element[]) =>
      database.query(`SELECT ${columns} FROM delegation_insert_many($1)`, [JSON.stringify(rows)]),
  ],
  [
    'arrays',
    (rows: readonly Element[]) => {
      const all = (name: keyof Element) => rows.map((row) => row[name] ?? null);
      return database.query(
        `SELECT ${columns} FROM delegation_insert_many($1, $2, $3, $4, idempotency_keys => $5, stuck_afters_ms => $6,
           request_bodies => $7::text[]::jsonb[])`,
        [
          ...[all('id'), all('caller'), all('callee'), all('preview'), all('idempotency_key'), all('stuck_after_ms')],
          rows.map((row) => (row.request_body ? JSON.stringify(row.request_body) : null)),
        ],
      );
    },
  ],
] as const)('delegation_insert_many of %s', (form, many) => {
  const row = (id: string, more: Partial<Element> = {}) => ({ id, caller: 'a', callee: 'b', preview: 'c', ...more });

  test('records each in order; what repeats is a duplicate of what came before', async () => {
    const [a, b, c, held] = [randomUUID(), randomUUID(), randomUUID(), randomUUID()];
    await insert(`$1, 'a', 'b', 'c', 'held-${held}'`, [held]);
    const key = { idempotency_key: `key-${a}` };
    expect(
      await many([
        row(a, key),
        row(a),
        row(b, key),
        row(held),
        // The first with this id meets the key of another, so the second is the one that is recorded.
        row(c, { idempotency_key: `held-${held}` }),
        row(c, { stuck_after_ms: 5000, request_body: { n: 6 } }),
      ]),
    ).toEqual([
      { place: 1, outcome: 'inserted', delegation_id: a, status: 'queued' },
      { place: 2, outcome: 'duplicate', delegation_id: a, status: 'queued' },
      { place: 3, outcome: 'duplicate', delegation_id: a, status: 'queued' },
      { place: 4, outcome: 'duplicate', delegation_id: held, status: 'queued' },
      { place: 5, outcome: 'duplicate', delegation_id: held, status: 'queued' },
      { place: 6, outcome: 'inserted', delegation_id: c, status: 'queued' },
    ]);
    expect(
      await database.query(
        `SELECT event, request_body FROM activity_logs WHERE delegation_id = ANY($1) ORDER BY activity_id`,
        [[a, b, c]],
      ),
    ).toEqual([
      { event: 'delegation.queued', request_body: null },
      { event: 'delegation.queued', request_body: { n: 6 } },
    ]);
  });

  test('takes a thousand, and refuses more, and what is no list', async () => {
    const rows = Array.from({ length: 1000 }, () => row(randomUUID()));
    expect(await many(rows)).toHaveLength(1000);
    await expect(many([...rows, row('x')])).rejects.toMatchObject({
      code: '22023',
      message: expect.stringMatching(
        form === 'arrays' ? /^ids must have at most 1000/ : /^rows must be an array of at most 1000/,
      ),
    });
    expect(await many([])).toEqual([]);
  });

  test('names the place and the argument of what is not accepted, and writes nothing', async () => {
    const good = randomUUID();
    await expect(many([row(good), row('x', { callee: '' })])).rejects.toMatchObject({
      code: '22023',
      message: 'rows[1]: callee must have 1 to 200 characters, not 0',
    });
    expect(await database.query('SELECT FROM delegations WHERE delegation_id = $1', [good])).toEqual([]);
  });
});

test.each([
  ['rows', `'{}'`],
  ['callers', `ARRAY['x'], ARRAY['a', 'b'], ARRAY['b'], ARRAY['c']`],
  ['previews', `ARRAY['x', 'y'], ARRAY['a', 'b'], ARRAY['b', 'c'], NULL`],
  [
    'idempotency_keys',
    `ARRAY['x', 'y'], ARRAY['a', 'b'], ARRAY['b', 'c'], ARRAY['c', 'd'], idempotency_keys => ARRAY['k']`,
  ],
  ['deadlines_ms', `ARRAY['x'], ARRAY['a'], ARRAY['b'], ARRAY['c'], deadlines_ms => '{}'`],
])('delegation_insert_many refuses %s that are no list of its elements', async (name, args) => {
  await expect(database.query(`SELECT delegation_insert_many(${args})`)).rejects.toMatchObject({
    code: '22023',
    message: expect.stringMatching(`^${name} must `),
  });
  expect(await database.query(`SELECT FROM delegations WHERE delegation_id IN ('x', 'y')`)).toEqual([]);
});
