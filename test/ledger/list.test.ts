import { beforeAll, describe, expect, test } from '@jest/globals';
import { statuses } from '../../src/index.ts';
import { DelegationLedger, type LedgerOptions } from '../../src/ledger/ledger.ts';
import type { ListOptions } from '../../src/ledger/listing.ts';
import { isTerminal, type Status } from '../../src/ledger/transitions.ts';
import { testLedger } from '../support/fixtures.ts';
import { useDatabase } from '../support/use-database.ts';

const database = useDatabase({ replayed: false });
const ledgerOf = (options: LedgerOptions = {}) => testLedger(database.db, options).ledger;

interface Row {
  readonly id: string;
  readonly status: Status;
  readonly caller: string;
  readonly callee: string;
  readonly ageMinutes: number;
}

/** Several rows share each instant, as those of one insertMany do. */
const rows: readonly Row[] = Array.from({ length: 240 }, (_, i) => ({
  id: `row-${String((i * 7) % 240).padStart(3, '0')}`,
  status: statuses[i % 11 < 6 ? 3 : i % statuses.length]!,
  caller: `caller-${i % 3}`,
  callee: `callee-${i % 5}`,
  ageMinutes: 1 + Math.floor(i / 8),
}));

beforeAll(async () => {
  await database.query(
    `INSERT INTO delegations (delegation_id, status, caller_id, callee_id, task_preview, created_at, last_heartbeat, finished_at)
     SELECT r->>'id', r->>'status', r->>'caller', r->>'callee', 'task',
       statement_timestamp() - (r->>'ageMinutes')::int * interval '1 minute', statement_timestamp(),
       CASE WHEN (r->>'ended')::boolean THEN statement_timestamp() END
     FROM jsonb_array_elements($1) r`,
    [JSON.stringify(rows.map((row) => ({ ...row, ended: isTerminal(row.status) })))],
  );
});

/** The ids of all pages, and how many rows each page had. */
async function pages(options: ListOptions): Promise<{ ids: string[]; sizes: number[] }> {
  const [ids, sizes]: [string[], number[]] = [[], []];
  let after: string | null = null;
  do {
    const page = await ledgerOf().list({ ...options, after });
    ids.push(...page.rows.map(({ delegationId }) => delegationId));
    sizes.push(page.rows.length);
    after = page.next;
  } while (after !== null);
  return { ids, sizes };
}

/** What the list should have, by the plainest of all ways. */
function expected({ status, callerId, calleeId, olderThanMs }: ListOptions): string[] {
  return rows
    .filter((row) => status == null || row.status === status)
    .filter((row) => callerId == null || row.caller === callerId)
    .filter((row) => calleeId == null || row.callee === calleeId)
    .filter((row) => olderThanMs == null || row.ageMinutes * 60_000 >= olderThanMs)
    .toSorted((a, b) => a.ageMinutes - b.ageMinutes || (a.id < b.id ? 1 : -1))
    .map(({ id }) => id);
}

const combinations: readonly ListOptions[] = [null, ...statuses].flatMap((status) =>
  [null, 'caller-1', 'nobody'].flatMap((callerId) =>
    [null, 'callee-2'].flatMap((calleeId) =>
      [null, 12 * 60_000].map((olderThanMs) => ({ status, callerId, calleeId, olderThanMs })),
    ),
  ),
);

describe('a list', () => {
  test.each(combinations)('of %j has each row once, newest first, over its pages', async (options) => {
    const { ids, sizes } = await pages({ ...options, limit: 7 });
    expect(ids).toEqual(expected(options));
    // Each page but the last is full, and none follows one that is the last.
    expect(sizes.slice(0, -1).every((size) => size === 7)).toBe(true);
    if (ids.length > 0) expect(sizes.at(-1)).toBeGreaterThan(0);
  });

  test('has a hundred rows per page, where nothing else is said, and a thousand at most', async () => {
    expect((await ledgerOf().list()).rows).toHaveLength(100);
    const { rows: all, next } = await ledgerOf().list({ limit: 1000 });
    expect({ rows: all.length, next }).toEqual({ rows: 240, next: null });
  });

  test('gives the rows as get does', async () => {
    const { rows: page } = await ledgerOf().list({ limit: 3 });
    for (const row of page) expect(row).toEqual(await ledgerOf().get(row.delegationId));
  });

  test('goes on where it was when newer rows have come', async () => {
    const first = await ledgerOf().list({ callerId: 'newcomer', limit: 2 });
    expect(first).toEqual({ rows: [], next: null });
    const ledger = ledgerOf();
    const insert = (delegationId: string) =>
      ledger.insert({ delegationId, callerId: 'newcomer', calleeId: 'c', taskPreview: 't' });
    for (const id of ['n-1', 'n-2', 'n-3']) await insert(id);
    const page = await ledger.list({ callerId: 'newcomer', limit: 2 });
    await insert('n-4');
    const following = await ledger.list({ callerId: 'newcomer', limit: 2, after: page.next });
    expect([page, following].map((each) => each.rows.map(({ delegationId }) => delegationId))).toEqual([
      ['n-3', 'n-2'],
      ['n-1'],
    ]);
    await database.query(`DELETE FROM delegations WHERE caller_id = 'newcomer'`);
  });

  test("takes part in the caller's transaction", async () => {
    await expect(
      database.db.transaction().execute(async (transaction) => {
        const ledger = new DelegationLedger(transaction);
        await ledger.insert({ delegationId: 'mine', callerId: 'own', calleeId: 'c', taskPreview: 't' });
        expect((await ledger.list({ callerId: 'own' })).rows).toHaveLength(1);
        throw new Error('rolled back');
      }),
    ).rejects.toThrow('rolled back');
    expect((await ledgerOf().list({ callerId: 'own' })).rows).toEqual([]);
  });

  test('counts age by the clock of the database', async () => {
    const hour = await ledgerOf().list({ olderThanMs: 30 * 60_000 - 1000, limit: 1000 });
    expect(hour.rows).toHaveLength(8);
  });
});

describe('a list is refused, naming the field and what is accepted, for', () => {
  const cursor = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const cursorRefused = /^after must be a cursor that list has returned as next, unchanged$/;

  test.each<[string, unknown, RegExp]>([
    ['an unknown status', { status: 'done' }, /^status must be one of queued, dispatched, .*stuck$/],
    ['a caller without a name', { callerId: '' }, /^callerId must have 1 to 200 characters, not 0$/],
    ['a caller that is no text', { callerId: 7 }, /^callerId must be a string, not number$/],
    ['a callee with a control character', { calleeId: 'a\0' }, /^calleeId must not contain control characters/],
    ['a negative age', { olderThanMs: -1 }, /^olderThanMs must be a positive number of milliseconds/],
    ['an age that is no number', { olderThanMs: Number.NaN }, /^olderThanMs must be a positive number/],
    ['no rows', { limit: 0 }, /^limit must be a whole number from 1 to 1000$/],
    ['too many rows', { limit: 1001 }, /^limit must be a whole number from 1 to 1000$/],
    ['half a row', { limit: 1.5 }, /^limit must be a whole number/],
    ['rows in words', { limit: '5' }, /^limit must be a whole number/],
    ['an empty cursor', { after: '' }, cursorRefused],
    ['a cursor that is none', { after: 'next please' }, cursorRefused],
    ['a cursor that is no text', { after: 12 }, cursorRefused],
    ['a cursor of another list', { after: cursor({ page: 2 }) }, cursorRefused],
    ['a cursor with three parts', { after: cursor([1, 'a', 'b']) }, cursorRefused],
    ['a cursor without an instant', { after: cursor(['yesterday', 'a']) }, cursorRefused],
    ['a cursor whose id is none', { after: cursor([1, 'a\0b']) }, cursorRefused],
    ['a cursor that was cut', { after: cursor([1, 'abc']).slice(0, -1) }, cursorRefused],
    ['a cursor that something was added to', { after: `${cursor([1, 'abc'])}=` }, cursorRefused],
    ['options that are none', null, /^options must be an object$/],
  ])('%s', async (_, options, message) => {
    await expect(ledgerOf().list(options as ListOptions)).rejects.toMatchObject({
      name: 'InvalidArgumentError',
      message: expect.stringMatching(message),
    });
  });

  test('nothing else: a cursor of any ledger is a place', async () => {
    expect((await ledgerOf().list({ after: cursor([1, 'abc']) })).rows).toEqual([]);
  });
});
