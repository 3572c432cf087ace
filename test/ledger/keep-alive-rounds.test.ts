import path from 'node:path';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import type { CompiledQuery } from 'kysely';
import { openDatabase } from '../../src/db/database.ts';
import { KeepAlive } from '../../src/ledger/keep-alive.ts';
import { KeepAliveRounds } from '../../src/ledger/keep-alive-rounds.ts';
import { TcpProxy } from '../chaos/tcp-proxy.ts';
import { spawnNode } from '../support/child.ts';
import { seedDelegation, testLedger } from '../support/fixtures.ts';
import { addressOf, proxied } from '../support/proxied.ts';
import { ScriptedBeats } from '../support/scripted-beats.ts';
import { useDatabase } from '../support/use-database.ts';
import { waitFor, waitUntilWaiting } from '../support/wait-for.ts';

const database = useDatabase({ per: 'test' });
const EAGER = { heartbeatMinIntervalMs: 0.001 };

/** A second's threshold: an answer is waited for 250 ms. */
async function keepThreshold(ms = 1000): Promise<void> {
  await database.query(`UPDATE sweeper_state SET stuck_after_ms = ${ms}`);
  await database.query(`UPDATE sweeper_threshold SET stuck_after_ms = ${ms}`);
}

const stampOf = async (id: string) => {
  const [row] = await database.query<{ at: string }>(
    'SELECT last_heartbeat::text AS at FROM delegations WHERE delegation_id = $1',
    [id],
  );
  return row!.at;
};

async function waitForStamp(id: string): Promise<void> {
  const before = await stampOf(id);
  await waitFor('another stamp', async () => (await stampOf(id)) !== before);
}

/** A stamp is seen before its answer arrives, which names the threshold: the next one shows that it was answered. */
async function waitForAnswer(id: string): Promise<void> {
  await waitForStamp(id);
  await waitForStamp(id);
}

async function throughProxy() {
  const proxy = await TcpProxy.open(() => addressOf(database.url));
  const handle = openDatabase({
    location: { url: proxied(database.url, proxy) },
    max: 6,
    applicationName: 'half-open',
    // Longer than the test: only the heartbeat's own time limit can end the wait.
    queryTimeoutMs: 600_000,
    schema: 'public',
  });
  const end = async () => {
    proxy.cut();
    await database.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity
      WHERE datname = current_database() AND application_name = 'half-open'`);
    await handle[Symbol.asyncDispose]();
    await proxy[Symbol.asyncDispose]();
  };
  return { proxy, handle, [Symbol.asyncDispose]: end };
}

describe('a connection that goes half open', () => {
  test.each([1, 3])('delays no other heartbeat of %i: the next uses another connection', async (count) => {
    await keepThreshold();
    const ids = await Promise.all(
      Array.from({ length: count }, () => seedDelegation(database, { silentSeconds: 100 })),
    );
    await using connection = await throughProxy();
    const { proxy, handle } = connection;
    const { ledger, events } = testLedger(handle.db, EAGER);
    await using stack = new AsyncDisposableStack();
    const alive = ids.map((id) => stack.use(ledger.keepAlive(id, { everyMs: 20 })));
    await waitForAnswer(ids[0]!);
    for (let times = 0; times < 3; times += 1) {
      expect(proxy.swallow()).toBeGreaterThan(0);
      for (const id of ids) await waitForStamp(id);
    }
    expect(events('ledger.heartbeat_failed')[0]).toMatchObject({
      count,
      err: { message: 'no answer within 250 ms; tried again over another connection' },
    });
    expect(alive.some(({ signal }) => signal.aborted)).toBe(false);
  });

  test('does not delay a disposal for longer than the limit for an answer', async () => {
    await keepThreshold();
    const id = await seedDelegation(database, { silentSeconds: 100 });
    await using connection = await throughProxy();
    const { proxy, handle } = connection;
    const { ledger, events } = testLedger(handle.db, EAGER);
    const alive = ledger.keepAlive(id, { everyMs: 20 });
    await waitForAnswer(id);
    proxy.stall();
    await waitFor('a heartbeat that hangs', () => events('ledger.heartbeat_failed').length > 1);
    const begunMs = performance.now();
    await alive.stop();
    expect(performance.now() - begunMs).toBeLessThan(5_000);
  });
});

test('an agent that computes for longer than the limit for an answer still gets its answer', async () => {
  await keepThreshold(6_000);
  const id = await seedDelegation(database, { silentSeconds: 100 });
  await using handle = openDatabase({
    location: { url: database.url },
    max: 2,
    applicationName: 'computing',
    queryTimeoutMs: 600_000,
    schema: 'public',
  });
  const { ledger, events } = testLedger(handle.db, EAGER);
  await ledger.heartbeat(id);
  const begun = Promise.withResolvers<void>();
  const answered = Promise.withResolvers<unknown[]>();
  const ask = handle.db.executeQuery.bind(handle.db);
  handle.db.executeQuery = (async (query: CompiledQuery) => {
    begun.resolve();
    const result = await ask(query);
    answered.resolve(events('ledger.heartbeat_failed'));
    return result;
  }) as typeof handle.db.executeQuery;
  await using _ = ledger.keepAlive(id, { everyMs: 20 });
  await begun.promise;
  // The server answers, but the timer is due before the answer is read.
  const untilMs = performance.now() + 1_800;
  while (performance.now() < untilMs);
  expect(await answered.promise).toEqual([]);
  await waitForAnswer(id);
});

describe('a row that is not free', () => {
  test('stops the heartbeats of no other delegation of the ledger, uses few connections, and is stamped when it is free', async () => {
    await keepThreshold();
    const ids = await Promise.all(Array.from({ length: 3 }, () => seedDelegation(database, { silentSeconds: 100 })));
    const [locked, ...free] = ids as [string, string, string];
    const gate = await database.connect();
    await gate.query('BEGIN');
    await gate.query('SELECT FROM delegations WHERE delegation_id = $1 FOR UPDATE', [locked]);
    await using handle = openDatabase({
      location: { url: database.url },
      max: 10,
      applicationName: 'locked',
      queryTimeoutMs: 600_000,
      schema: 'public',
    });
    const { ledger } = testLedger(handle.db, EAGER);
    await using stack = new AsyncDisposableStack();
    for (const id of ids) stack.use(ledger.keepAlive(id, { everyMs: 20 }));
    await waitUntilWaiting(database, 1);
    for (let times = 0; times < 30; times += 1) for (const id of free) await waitForStamp(id);
    const waiting = await database.query(`SELECT 1 FROM pg_stat_activity
      WHERE datname = current_database() AND wait_event_type = 'Lock'`);
    expect(waiting).toHaveLength(1);
    const before = await stampOf(locked);
    await gate.query('COMMIT');
    await gate.end();
    await waitFor('its stamp', async () => (await stampOf(locked)) !== before);
  });

  // The first is what a row that is locked raises as well.
  test.each(['55P03', 'P0001'])('nor does a row whose update raises (%s)', async (sqlstate) => {
    const ids = await Promise.all(Array.from({ length: 9 }, () => seedDelegation(database, { silentSeconds: 100 })));
    const [poisoned, ...healthy] = ids as [string, ...string[]];
    await database.query(`CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN RAISE EXCEPTION 'not this one' USING ERRCODE = '${sqlstate}'; END $$`);
    await database.query(`CREATE TRIGGER refuse BEFORE UPDATE ON delegations FOR EACH ROW
      WHEN (OLD.delegation_id = '${poisoned}') EXECUTE FUNCTION refuse()`);
    const { ledger, events } = testLedger(database.db, EAGER);
    await using stack = new AsyncDisposableStack();
    for (const id of ids) stack.use(ledger.keepAlive(id, { everyMs: 20 }));
    for (const id of healthy) await waitForStamp(id);
    await waitFor('a failure', () => events('ledger.heartbeat_failed').length > 0);
    expect(events('ledger.heartbeat_failed')[0]).toMatchObject({
      delegationId: poisoned,
      count: 1,
      err: { code: sqlstate },
    });
  });
});

describe('the rounds', () => {
  test('send the heartbeats of one ledger together, also of keepAlives that began at different times', async () => {
    const beats = new ScriptedBeats();
    const rounds = new KeepAliveRounds(beats);
    // Far longer than a busy machine needs for what is between the first two rounds: the third takes what is due soon.
    const keep = (id: string) => new KeepAlive(rounds, id, { everyMs: 1_000 });
    const alive = [keep('a'), keep('b')];
    await waitFor('a round', () => beats.asked.length === 1);
    beats.asked[0]!.answer('stamped');
    alive.push(keep('c'));
    await waitFor('a round', () => beats.asked.length === 2);
    beats.asked[1]!.answer('stamped');
    await waitFor('a round', () => beats.asked.length === 3);
    expect(beats.asked.map(({ ids }) => ids)).toEqual([['a', 'b'], ['c'], ['a', 'b', 'c']]);
    beats.asked[2]!.answer('stamped');
    for (const one of alive) await one.stop();
  });

  test('use of a late answer only that the delegation has ended', async () => {
    const beats = new ScriptedBeats();
    const alive = new KeepAlive(new KeepAliveRounds(beats), 'a', { everyMs: 20 });
    await waitFor('a second heartbeat', () => beats.asked.length >= 2);
    expect(beats.timeouts[0]).toEqual(['a']);
    beats.asked[0]!.answer('missing');
    await new Promise((resolve) => setImmediate(resolve));
    expect(alive.signal.aborted).toBe(false);
    await waitFor('a third heartbeat', () => beats.asked.length >= 3);
    beats.asked[1]!.answer('terminal');
    await waitFor('the signal', () => alive.signal.aborted);
    await alive.stop();
  });

  test('have at most eight heartbeats without an answer, and go on when one comes', async () => {
    const beats = new ScriptedBeats();
    const alive = new KeepAlive(new KeepAliveRounds(beats), 'a', { everyMs: 1 });
    await waitFor('eight heartbeats', () => beats.asked.length === 8);
    await waitFor('eight silences', () => beats.timeouts.length === 8);
    // The eighth was given up, and a ninth would be due each millisecond.
    for (let turn = 0; turn < 100; turn += 1) await new Promise((resolve) => setImmediate(resolve));
    expect(beats.asked).toHaveLength(8);
    beats.asked[3]!.answer('stamped');
    await waitFor('a ninth', () => beats.asked.length === 9);
    await alive.stop();
  });
});

describe('an answer that does not come', () => {
  beforeEach(() => {
    jest.useFakeTimers();
  });
  afterEach(() => {
    jest.useRealTimers();
  });

  test.each([
    [100, 250],
    [5_000, 1_250],
    // Of a process that has had no answer yet: its threshold may be of five seconds.
    [undefined, 1_000],
    [600_000, 15_000],
    [2_592_000_000, 15_000],
  ])('is waited for, with a threshold of %s ms, for %s ms', async (stuckAfterMs, limitMs) => {
    const beats = new ScriptedBeats({ stuckAfterMs });
    const alive = new KeepAlive(new KeepAliveRounds(beats), 'a', {});
    await jest.advanceTimersByTimeAsync(1);
    expect(beats.asked).toHaveLength(1);
    await jest.advanceTimersByTimeAsync(limitMs - 2);
    expect(beats.timeouts).toEqual([]);
    await jest.advanceTimersByTimeAsync(3);
    expect(beats.timeouts).toEqual([['a']]);
    // The next one goes over another connection.
    await jest.advanceTimersByTimeAsync(1_000);
    expect(beats.asked.length).toBeGreaterThanOrEqual(2);
    const stopped = alive.stop();
    await jest.advanceTimersByTimeAsync(5_000);
    await stopped;
  });

  test.each([
    [1_000, 250],
    [undefined, 1_000],
    [600_000, 5_000],
  ])('delays a disposal, with a threshold of %s ms, for %s ms', async (stuckAfterMs, limitMs) => {
    const alive = new KeepAlive(new KeepAliveRounds(new ScriptedBeats({ stuckAfterMs })), 'a', {});
    await jest.advanceTimersByTimeAsync(1);
    let isStopped = false;
    const stopping = alive.stop().then(() => {
      isStopped = true;
    });
    await jest.advanceTimersByTimeAsync(limitMs - 2);
    expect(isStopped).toBe(false);
    await jest.advanceTimersByTimeAsync(3);
    await stopping;
    expect(isStopped).toBe(true);
  });
});

test.each([
  [
    'a bare pool that may exit when idle',
    (root: string) => `import pg from 'pg';
    import { DelegationLedger } from '${root}/src/index.ts';
    const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL, allowExitOnIdle: true });
    const ledger = new DelegationLedger(new Kysely({ dialect: new PostgresDialect({ pool }) }), { heartbeatMinIntervalMs: 0.001 });`,
  ],
  [
    'createLedgerPool',
    (root: string) => `import { createLedgerPool, DelegationLedger } from '${root}/src/index.ts';
    const pool = createLedgerPool(process.env.DATABASE_URL);
    const ledger = new DelegationLedger(new Kysely({ dialect: new PostgresDialect({ pool }) }), { heartbeatMinIntervalMs: 0.001 });`,
  ],
  [
    'openLedger',
    (root: string) => `import { openLedger } from '${root}/src/index.ts';
    const ledger = await openLedger(process.env.DATABASE_URL, { heartbeatMinIntervalMs: 0.001 });`,
  ],
])('an undisposed keepAlive with a short cadence does not keep its process alive, on %s', async (_, opened) => {
  const id = await seedDelegation(database, { silentSeconds: 100 });
  const root = path.resolve(import.meta.dirname, '../..');
  const script = `
    import { Kysely, PostgresDialect } from 'kysely';
    ${opened(root)}
    await ledger.heartbeat('${id}');
    for (let i = 0; i < 3; i += 1) ledger.keepAlive('${id}', { everyMs: 1 });
    await new Promise((resolve) => setTimeout(resolve, 100));
    console.log('done');`;
  await using child = spawnNode(['--input-type=module', '-e', script], {
    env: { DATABASE_URL: database.url },
    cwd: root,
  });
  expect(await child.exit).toEqual({ code: 0, signal: null });
  expect(child.stdoutLines).toEqual(['done']);
});
