import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from '@jest/globals';
import type { PostgresPool } from 'kysely';
import { databaseOn, openPool } from '../../src/db/pool.ts';
import { PoolShares } from '../../src/db/pool-shares.ts';
import { column, statement } from '../../src/db/statement.ts';
import { useDatabase } from '../support/use-database.ts';
import { waitFor } from '../support/wait-for.ts';

const database = useDatabase({ replayed: false });
const sleeping = statement({ columns: { slept: column.text("''") }, sql: (c) => `SELECT ${c} FROM pg_sleep(60)` });
const one = statement({ columns: { one: column.wholeNumber('1') }, sql: (columns) => `SELECT ${columns}` });

let pools = 0;

function poolOf(max: number) {
  pools += 1;
  const name = `shares ${pools}`;
  const opened = openPool({
    location: { url: database.url },
    max,
    applicationName: name,
    queryTimeoutMs: 60_000,
  });
  const shares = new PoolShares(opened.pool, { max, waitMs: 10_000 });
  const users = Array.from({ length: 4 }, () => databaseOn(shares.add(), 'public'));
  const sessions = (what: string) =>
    database.query(
      `SELECT ${what} FROM pg_stat_activity
       WHERE application_name = $1 AND datname = current_database() AND state = 'active' AND query LIKE '%pg_sleep%'`,
      [name],
    );
  return {
    ...opened,
    shares,
    users,
    running: async () => (await sessions('pid')).length,
    async [Symbol.asyncDispose]() {
      const closed = opened.close(1_000);
      // Where one ends, a query that waited for its connection may have begun.
      await waitFor('all to end', async () => (await sessions('pg_terminate_backend(pid)')).length === 0);
      await closed;
    },
  };
}

test('users that hang in every connection of a plain pool keep all others out', async () => {
  await using pool = poolOf(2);
  const [a, b, , c] = [0, 1, 2, 3].map(() => databaseOn(pool.pool as unknown as PostgresPool, 'public'));
  void sleeping.run(a!, {}).catch(() => {});
  void sleeping.run(b!, {}).catch(() => {});
  await waitFor('both to hang', async () => (await pool.running()) === 2);
  const answer = one.run(c!, {}).then(
    () => 'answered',
    () => 'failed',
  );
  expect(await Promise.race([answer, sleep(3_000, 'waits')])).toBe('waits');
});

test('with shares the longest of them is given up, and cancelled on the server', async () => {
  await using pool = poolOf(2);
  const [a, b, c] = pool.users;
  const hanging = Promise.allSettled([sleeping.run(a!, {}), sleeping.run(b!, {})]);
  await waitFor('both to hang', async () => (await pool.running()) === 2);
  expect(await one.run(c!, {})).toEqual([{ one: 1 }]);
  await waitFor('one to be cancelled', async () => (await pool.running()) === 1);
  // The other goes on, while nobody needs its connection.
  expect(await one.run(c!, {})).toEqual([{ one: 1 }]);
  expect(await pool.running()).toBe(1);
  await database.query(
    `SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE query LIKE '%pg_sleep%' AND pid <> pg_backend_pid()`,
  );
  expect((await hanging).map((result) => (result as PromiseRejectedResult).reason.message)).toContainEqual(
    expect.stringMatching(/^Connection terminated: the query had run for \d+\.\d s/),
  );
});

test('a user’s query that takes longer than he allows is given up, and cancelled on the server; his next one is answered', async () => {
  await using pool = poolOf(2);
  const limited = databaseOn(pool.shares.add({ queryMaxMs: 200 }), 'public');
  await expect(sleeping.run(limited, {})).rejects.toThrow('the query had run for 0.2 s');
  await waitFor('it to be cancelled', async () => (await pool.running()) === 0);
  expect(await one.run(limited, {})).toEqual([{ one: 1 }]);
});

test('nobody has more than half, and the last free one goes to a user that has none', async () => {
  await using pool = poolOf(4);
  const [a, b, c] = pool.users;
  for (let n = 0; n < 4; n += 1) void sleeping.run(a!, {}).catch(() => {});
  await waitFor('its half', async () => (await pool.running()) === 2);
  for (let n = 0; n < 4; n += 1) void sleeping.run(b!, {}).catch(() => {});
  await waitFor('one for the second', async () => (await pool.running()) === 3);
  expect(pool.shares.use()).toMatchObject({ inUse: 3, waiting: 5 });
  expect(await one.run(c!, {})).toEqual([{ one: 1 }]);
  expect(await pool.running()).toBe(3);
});

test('a pool with one user is his', async () => {
  await using opened = poolOf(3);
  const shares = new PoolShares(opened.pool, { max: 3, waitMs: 10_000 });
  const only = databaseOn(shares.add(), 'public');
  for (let n = 0; n < 3; n += 1) void sleeping.run(only, {}).catch(() => {});
  await waitFor('all of it', async () => (await opened.running()) === 3);
});
