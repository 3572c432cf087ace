import { beforeAll, describe, expect, test } from '@jest/globals';
import type pg from 'pg';
import { ask } from '../ops/http.ts';
import { startDaemon } from '../support/daemon.ts';
import { seedDelegation } from '../support/fixtures.ts';
import { type Env, runProgram } from '../support/program.ts';
import { useDatabase } from '../support/use-database.ts';
import { waitFor } from '../support/wait-for.ts';

const database = useDatabase({ replayed: false });
const ledgers = ['de', 'eu', 'us'];
const many = (more: Env = {}): Env => ({ DATABASE_URL: database.url, DB_SCHEMAS: 'eu,us,d*', ...more });

beforeAll(async () => {
  await database.query('CREATE SCHEMA de');
  const { code, stdout, stderr } = await runProgram(['migrate', 'up', '--json'], many());
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  const answer: { ledgers: { name: string; applied: string[] }[] } = JSON.parse(stdout);
  expect(answer.ledgers.map(({ name }) => name)).toEqual(ledgers);
  for (const { applied } of answer.ledgers) expect(applied.length).toBeGreaterThan(10);
}, 60_000);

/** A session in which the tables of this ledger have their plain names. */
async function inLedger(ledger: string): Promise<pg.Client> {
  const session = await database.connect();
  await session.query(`SET search_path = ${ledger}`);
  return session;
}

async function seedIn(ledger: string, silentSeconds: number): Promise<string> {
  const session = await inLedger(ledger);
  try {
    return await seedDelegation(
      { query: async (sql, params) => (await session.query(sql, params as [])).rows },
      { silentSeconds },
    );
  } finally {
    await session.end();
  }
}

describe('one daemon serves every ledger that DB_SCHEMAS names', () => {
  test('each is swept; two that are locked delay nothing of the third, also with two connections', async () => {
    const silent = await Promise.all(ledgers.map(async (ledger) => [ledger, await seedIn(ledger, 7_200)] as const));
    await using daemon = startDaemon(database.url, { DB_SCHEMAS: 'eu,us,d*', DB_POOL_MAX: '2', STUCK_AFTER: '20s' });
    const { port } = await daemon.until('ops.listening');
    for (const [ledger, delegationId] of silent) {
      await daemon.until('ledgers.served', (line) => 'ledger' in line && line.ledger === ledger);
      expect(await daemon.until('delegation.stuck', (line) => line.delegationId === delegationId)).toMatchObject({
        ledger,
      });
    }
    const locks = await Promise.all(['de', 'eu'].map(inLedger));
    for (const session of locks) {
      await session.query('BEGIN');
      await session.query('LOCK TABLE delegations, sweeper_state IN ACCESS EXCLUSIVE MODE');
    }
    // Several beats of each wait for their lock.
    await waitFor('an outage of each that is locked', () =>
      ['de', 'eu'].every((ledger) =>
        daemon.events('database.unavailable').some((line) => (line as { ledger?: string }).ledger === ledger),
      ),
    );
    const beats = async () =>
      (await database.query<{ at: Date }>('SELECT beat_at AS at FROM us.sweeper_state'))[0]!.at.getTime();
    const before = await beats();
    const marked = await seedIn('us', 0);
    const mark = await daemon.until('delegation.stuck', (line) => line.delegationId === marked, { timeoutMs: 90_000 });
    expect(mark).toMatchObject({ ledger: 'us' });
    await waitFor('beats of the ledger that is not locked', async () => (await beats()) - before >= 8_000);
    const readyz = await waitFor('readiness', async () => {
      const answer = await ask(port, '/readyz');
      return answer.status === 200 ? answer : null;
    });
    const { ledgers: read } = JSON.parse(readyz.body) as { ledgers: { ledger: string; ready: boolean }[] };
    expect(read.map(({ ledger }) => ledger)).toEqual(ledgers);
    expect(read.find(({ ledger }) => ledger === 'us')).toMatchObject({ ready: true, reasons: [] });

    for (const session of locks) await session.end();
    for (const ledger of ['de', 'eu']) {
      await daemon.until('database.recovered', (line) => 'ledger' in line && line.ledger === ledger);
    }
    daemon.child.kill('SIGTERM');
    expect(await daemon.child.exit).toEqual({ code: 0, signal: null });
  }, 180_000);
});

describe('--ledger', () => {
  test('chooses one; without it a command names those there are', async () => {
    const without = await runProgram(['list', '--json'], many());
    expect(without).toMatchObject({ code: 78, stdout: '' });
    expect(without.stderr).toContain('de, eu, us');
    const listed = await runProgram(['list', '--json', '--ledger', 'us'], many());
    expect(listed).toMatchObject({ code: 0, stderr: '' });
    expect(await runProgram(['list', '--ledger', 'public'], many())).toMatchObject({ code: 78 });
    expect(await runProgram(['list', '--ledger', 'no-name'], many())).toMatchObject({ code: 64 });
  });

  test('the list of ledgers says which are ready', async () => {
    await database.query('CREATE SCHEMA d_new');
    const { stdout, stderr, code } = await runProgram(['ledgers', '--json'], many());
    expect(stderr).toBe('');
    const { ledgers: listed } = JSON.parse(stdout) as { ledgers: { ledger: string; reasons: { reason: string }[] }[] };
    expect(listed.map(({ ledger }) => ledger)).toEqual(['d_new', ...ledgers].toSorted());
    expect(listed.find(({ ledger }) => ledger === 'd_new')).toMatchObject({
      ready: false,
      version: null,
      reasons: [{ reason: 'schema_outdated' }],
    });
    expect(code).toBe(1);
    await database.query('DROP SCHEMA d_new');
  });
});
