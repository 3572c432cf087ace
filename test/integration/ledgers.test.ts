import { beforeAll, describe, expect, test } from '@jest/globals';
import type pg from 'pg';
import { ask } from '../ops/http.ts';
import { seriesOf } from '../ops/running-ops.ts';
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

/** Returns the id of the last row. */
async function seedIn(ledger: string, silentSeconds: number, rows = 1): Promise<string> {
  const session = await inLedger(ledger);
  const into = { query: async (sql: string, params: unknown[] = []) => (await session.query(sql, params)).rows };
  try {
    for (let row = 1; row < rows; row += 1) await seedDelegation(into, { silentSeconds });
    return await seedDelegation(into, { silentSeconds });
  } finally {
    await session.end();
  }
}

/** The overview leads to each ledger's pages, which link to one another, and each measurement names its ledger. */
async function showsEach(port: number, silent: readonly (readonly [string, string])[]): Promise<void> {
  const page = async (path: string) => {
    const { status, body } = await ask(port, path);
    return { status, body };
  };
  const { status, body: overview } = await page('/');
  expect(status).toBe(200);
  for (const [ledger, delegationId] of silent) {
    expect(overview).toContain(`href="/ledgers/${ledger}/"`);
    const own = await page(`/ledgers/${ledger}/`);
    expect(own.status).toBe(200);
    expect(own.body).toContain(`href="/ledgers/${ledger}/delegations`);
    const list = await page(`/ledgers/${ledger}/delegations?status=stuck`);
    expect(list.body).toContain(`href="/ledgers/${ledger}/delegations/${delegationId}"`);
    for (const [, other] of silent.filter(([name]) => name !== ledger)) expect(list.body).not.toContain(other);
    expect(await page(`/ledgers/${ledger}/delegations/${delegationId}`)).toMatchObject({ status: 200 });
    expect(await page(`/ledgers/${ledger}/delegations/unknown`)).toMatchObject({ status: 404 });
    expect(await page(`/ledgers/${ledger}/nothing`)).toMatchObject({ status: 404 });
  }
  expect(await page('/ledgers/none/')).toMatchObject({ status: 404 });
  const ofLedgers = async (name: string) =>
    [...seriesOf((await page('/metrics')).body)].flatMap(([key, value]) => {
      const ledger = key.startsWith(`delegation_sweeper_${name}{`) ? /ledger="([^"]*)"/.exec(key)?.[1] : undefined;
      return ledger === undefined ? [] : [[ledger, value] as const];
    });
  // A sweep counts what it marked when it is over.
  await waitFor('a mark of each ledger', async () => {
    const marked = Map.groupBy(await ofLedgers('marked_total'), ([ledger]) => ledger);
    return ledgers.every((ledger) => marked.get(ledger)?.reduce((sum, [, value]) => sum + value, 0) === 1);
  });
  expect(new Set((await ofLedgers('since_last_sweep_seconds')).map(([ledger]) => ledger))).toEqual(new Set(ledgers));
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
    await showsEach(port, silent);
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

test('sweeps that take long in as many ledgers as there are connections delay neither sweeps nor beats of another', async () => {
  const slow = ['de', 'eu'];
  for (const ledger of slow) {
    const session = await inLedger(ledger);
    await session.query(`CREATE TABLE slowness AS SELECT 1.5 AS seconds;
      CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS
      $$ BEGIN PERFORM pg_sleep(seconds) FROM slowness; RETURN NEW; END $$`);
    await session.query(`CREATE TRIGGER slow BEFORE UPDATE OF status ON delegations FOR EACH ROW
      WHEN (NEW.status = 'stuck') EXECUTE FUNCTION slow()`);
    await session.end();
    // Two and a half minutes, which is more than all that comes here takes.
    await seedIn(ledger, 7_200, 100);
  }
  const env = { DB_SCHEMAS: 'eu,us,d*', DB_POOL_MAX: '2', STUCK_AFTER: '20s', SWEEP_BATCH_SIZE: '1' };
  await using daemon = startDaemon(database.url, env);
  const isOf = (ledger: string) => (line: object) => 'ledger' in line && line.ledger === ledger;
  for (const ledger of slow) await daemon.until('delegation.stuck', isOf(ledger));
  const beatsOf = async (ledger: string) =>
    (await database.query<{ at: Date }>(`SELECT beat_at AS at FROM ${ledger}.sweeper_state`))[0]!.at.getTime();
  const before = new Map(await Promise.all(ledgers.map(async (ledger) => [ledger, await beatsOf(ledger)] as const)));
  // It comes due while the others are swept.
  const marked = await seedIn('us', 18);
  await daemon.until('delegation.stuck', (line) => line.delegationId === marked);
  for (const ledger of ledgers) {
    await waitFor(`beats of ${ledger}`, async () => (await beatsOf(ledger)) > before.get(ledger)!);
  }
  // Theirs go on meanwhile, and end.
  for (const ledger of slow) expect(daemon.events('sweep.completed').filter(isOf(ledger))).toEqual([]);
  for (const ledger of slow) {
    await database.query(`DELETE FROM ${ledger}.slowness`);
    expect(await daemon.until('sweep.completed', isOf(ledger), { timeoutMs: 60_000 })).toMatchObject({ remaining: 0 });
  }
}, 180_000);

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
