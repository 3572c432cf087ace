import { expect, test } from '@jest/globals';
import { Kysely, PostgresDialect } from 'kysely';
import pg from 'pg';
import type { Database } from '../../../src/db/schema.ts';
import { ageCountStatement } from '../../../src/sweeper/storm/statements/age-count.ts';
import { anySilentStatement } from '../../../src/sweeper/storm/statements/any-silent.ts';
import { ROWS_COUNTED_MAX } from '../../../src/sweeper/storm/statements/countable.ts';
import { calm } from '../../../src/sweeper/storm/storm-guard.ts';
import { StormMemory } from '../../../src/sweeper/storm/storm-memory.ts';
import { blindHoldNews } from '../../../src/sweeper/storm/storm-news.ts';
import { sweeperTables } from '../../../src/sweeper/tables.ts';
import type { BoundStatement } from '../../support/explain.ts';
import { seedDelegation, testSweeper } from '../../support/fixtures.ts';
import { plainStaleness } from '../../support/plain-staleness.ts';
import { countByStatus, seedFleet } from '../../support/seed-fleet.ts';
import { useDatabase } from '../../support/use-database.ts';

const database = useDatabase({ per: 'test' });
const storm = { minStale: 20, ratio: 0.5, maxHoldMs: 1_800_000 };
const newSweeper = (options = {}) => testSweeper(database.db, { storm, ...options });
const stormState = async () =>
  (
    await database.query<{ held: boolean; released: boolean }>(
      `SELECT storm_held_since IS NOT NULL AS held, storm_released_at IS NOT NULL AS released FROM sweeper_state`,
    )
  )[0];
/** As if the hold had begun that long ago. */
const ageHold = (minutes: number) =>
  database.query(`UPDATE sweeper_state SET storm_held_since = storm_held_since - $1::int * interval '1 minute'`, [
    minutes,
  ]);

test('a storm holds the stale rule and not the deadline rule, and every sweep logs it with the numbers', async () => {
  await seedFleet(database, { rows: 30, callees: 3, silentSeconds: 700 });
  await seedFleet(database, { rows: 10, callees: 1 });
  for (let i = 0; i < 4; i += 1) await seedDelegation(database, { silentSeconds: 700, deadlineSeconds: -1 });
  const { sweeper, events } = newSweeper();

  expect(await sweeper.sweep({ trigger: 'manual' })).toMatchObject({
    stuck: 0,
    failed: 4,
    held: true,
    truncated: false,
    remaining: 30,
  });
  await ageHold(10);
  expect(await sweeper.sweep({ trigger: 'manual' })).toMatchObject({ stuck: 0, failed: 0, held: true, remaining: 30 });

  const [first, second] = events('sweep.held');
  const callees = [0, 1, 2].map((i) => ({ calleeId: `callee-${i}`, count: 10 }));
  expect(first).toMatchObject({
    level: 'error',
    stale: 30,
    inFlight: 40,
    ratio: 0.75,
    callees,
    heldForMs: 0,
    by: 'storm',
    reason: null,
  });
  expect(first).toMatchObject({ releasesInMs: storm.maxHoldMs });
  expect(second!.heldForMs).toBeGreaterThanOrEqual(600_000);
  expect(second!.releasesInMs).toBe(storm.maxHoldMs - (second!.heldForMs as number));
  expect(second!.sweepId).not.toBe(first!.sweepId);
  expect(events('sweep.completed').map(({ held }) => held)).toEqual([true, true]);
  expect(await countByStatus(database)).toEqual({ in_progress: 40, failed: 4 });
});

test('one dead agent with many delegations is no storm', async () => {
  await seedFleet(database, { rows: 100, callees: 1, silentSeconds: 700 });
  const { sweeper, events } = newSweeper();
  expect(await sweeper.sweep({ trigger: 'manual' })).toMatchObject({ stuck: 100, held: false });
  expect(events('sweep.held')).toEqual([]);
});

test('a part of the fleet smaller than STORM_RATIO is no storm', async () => {
  await seedFleet(database, { rows: 30, silentSeconds: 700 });
  await seedFleet(database, { rows: 31 });
  expect(await newSweeper().sweeper.sweep({ trigger: 'manual' })).toMatchObject({ stuck: 30, held: false });
});

test('STORM_RATIO 0 turns the guard off', async () => {
  await seedFleet(database, { rows: 30, silentSeconds: 700 });
  const { sweeper } = newSweeper({ storm: { ...storm, ratio: 0 } });
  expect(await sweeper.sweep({ trigger: 'manual' })).toMatchObject({ stuck: 30, held: false });
});

test('the hold is shared by replicas and survives their restart', async () => {
  await seedFleet(database, { rows: 30, silentSeconds: 700 });
  await newSweeper().sweeper.sweep({ trigger: 'manual' });
  await ageHold(29);
  const restarted = newSweeper();
  expect(await restarted.sweeper.sweep({ trigger: 'manual' })).toMatchObject({ held: true, stuck: 0 });
  expect(restarted.events('sweep.held')[0]!.heldForMs).toBeGreaterThanOrEqual(29 * 60_000);
  await ageHold(1);
  // A twentieth of 30.
  expect(await newSweeper().sweeper.sweep({ trigger: 'manual' })).toMatchObject({ held: false, stuck: 2 });
  expect(await stormState()).toEqual({ held: true, released: true });
});

test('after STORM_MAX_HOLD each sweep marks a twentieth of the silent, and everything when the storm is over', async () => {
  await seedFleet(database, { rows: 40, silentSeconds: 700 });
  const { sweeper, events } = newSweeper({ batchRowsMax: 10 });
  await sweeper.sweep({ trigger: 'manual' });
  await ageHold(30);
  expect(await sweeper.sweep({ trigger: 'manual' })).toMatchObject({
    stuck: 2,
    batches: 1,
    remaining: 38,
    truncated: true,
  });
  expect(await stormState()).toEqual({ held: true, released: true });
  for (let left = 36; left >= 20; left -= 2) {
    expect(await sweeper.sweep({ trigger: 'manual' })).toMatchObject({ stuck: 2, remaining: left, held: false });
  }
  // 20 silent ones are still a storm; after this one they are too few to be one.
  expect(await sweeper.sweep({ trigger: 'manual' })).toMatchObject({ stuck: 1, remaining: 19 });
  expect(await stormState()).toEqual({ held: true, released: true });
  expect(await sweeper.sweep({ trigger: 'manual' })).toMatchObject({ stuck: 19, remaining: 0, truncated: false });
  expect(await stormState()).toEqual({ held: false, released: false });
  expect(events('sweep.held')).toHaveLength(1);
  expect(events('sweep.released')).toMatchObject([{ level: 'warn', why: 'max_hold', stale: 40, inFlight: 40 }]);
  expect(events('sweep.released')[0]!.heldForMs).toBeGreaterThanOrEqual(30 * 60_000);

  await seedFleet(database, { rows: 40, silentSeconds: 700 });
  expect(await sweeper.sweep({ trigger: 'manual' })).toMatchObject({ stuck: 0, held: true });
  expect(events('sweep.held')[1]).toMatchObject({ heldForMs: 0 });
});

test('an outage of the database during a hold, or a jump of its clock, does not end the hold sooner', async () => {
  await seedFleet(database, { rows: 40, silentSeconds: 700 + 1500 });
  const { sweeper, events } = newSweeper();
  await sweeper.sweep({ trigger: 'manual' });
  await ageHold(35);
  await database.query(`INSERT INTO sweeper_gaps (gap_start, gap_end, kind)
    VALUES (clock_timestamp() - interval '30 minutes', clock_timestamp() - interval '5 minutes', 'clock_jump')`);
  expect(await sweeper.sweep({ trigger: 'manual' })).toMatchObject({ stuck: 0, held: true, remaining: 40 });
  expect(Math.round((events('sweep.held')[1]!.heldForMs as number) / 60_000)).toBe(10);
  await ageHold(25);
  expect(await sweeper.sweep({ trigger: 'manual' })).toMatchObject({ stuck: 2, held: false });
});

test('rows whose deadline was passed only by a clock jump belong to the storm, and count as returned only when heard again', async () => {
  const prefix = await seedFleet(database, { rows: 40, silentSeconds: 5000, deadlineSeconds: -60 });
  await database.query(`UPDATE delegations SET created_at = created_at - interval '3 hours'`);
  await database.query(`INSERT INTO sweeper_gaps (gap_start, gap_end, kind)
    VALUES (clock_timestamp() - interval '70 minutes', clock_timestamp() - interval '10 minutes', 'clock_jump')`);
  const { sweeper } = newSweeper();
  for (let sweeps = 0; sweeps < 2; sweeps += 1)
    expect(await sweeper.sweep({ trigger: 'manual' })).toMatchObject({
      stuck: 0,
      failed: 0,
      held: true,
      remaining: 40,
    });
  const cameBack = async () => (await database.query('SELECT storm_came_back::int AS n FROM sweeper_state'))[0];
  expect(await cameBack()).toEqual({ n: 0 });
  await database.query(`UPDATE delegations SET last_heartbeat = clock_timestamp() WHERE delegation_id >= $1`, [
    `${prefix}00000037`,
  ]);
  expect(await sweeper.sweep({ trigger: 'manual' })).toMatchObject({ stuck: 0, failed: 0, held: true, remaining: 37 });
  expect(await cameBack()).toEqual({ n: 3 });
});

test('a storm that ends by itself, its agents heard again, marks nothing and is forgotten', async () => {
  await seedFleet(database, { rows: 40, silentSeconds: 700 });
  const { sweeper, events } = newSweeper();
  expect(await sweeper.sweep({ trigger: 'manual' })).toMatchObject({ held: true });
  await database.query(`UPDATE delegations SET last_heartbeat = clock_timestamp()`);
  expect(await sweeper.sweep({ trigger: 'manual' })).toMatchObject({ stuck: 0, held: false, remaining: 0 });
  expect(await stormState()).toEqual({ held: false, released: false });
  expect(events('sweep.released')).toMatchObject([{ why: 'calm', stale: 0, inFlight: 40 }]);
});

test('--force marks in that one sweep, and leaves the hold unchanged', async () => {
  await seedFleet(database, { rows: 40, silentSeconds: 700 });
  const { sweeper, events } = newSweeper();
  await sweeper.sweep({ trigger: 'manual' });
  const late = await seedFleet(database, { rows: 30, silentSeconds: 650 });
  // Locked by another session, so that it is still a storm after the forced sweep.
  const rival = await database.connect();
  await rival.query(`BEGIN; SELECT FROM delegations WHERE starts_with(delegation_id, '${late}') FOR UPDATE`);
  expect(await sweeper.sweep({ trigger: 'manual', force: true })).toMatchObject({
    stuck: 40,
    held: false,
    remaining: 30,
  });
  expect(await stormState()).toEqual({ held: true, released: false });
  await rival.query('ROLLBACK');
  expect(await sweeper.sweep({ trigger: 'manual' })).toMatchObject({ stuck: 0, held: true });
  expect(events('sweep.held')).toHaveLength(2);
  expect(events('sweep.released')).toMatchObject([{ why: 'forced', stale: 40 }]);
});

test('a dry run shows what a hold prevents, and begins none', async () => {
  await seedFleet(database, { rows: 40, silentSeconds: 700 });
  const { sweeper, events } = newSweeper();
  expect(await sweeper.dryRun()).toMatchObject({ stuck: 0, held: true, remaining: 40, rows: [] });
  expect(await sweeper.dryRun({ force: true })).toMatchObject({ stuck: 40, held: false, remaining: 0 });
  expect(await stormState()).toEqual({ held: false, released: false });
  expect(events('sweep.held')).toEqual([]);
});

test('a dry run judges without the overdue rows, as the sweep that fails them first', async () => {
  // With the overdue ones, 40 of 60 would be silent; without them 10 of 30 are, which is no storm.
  for (let i = 0; i < 30; i += 1) await seedDelegation(database, { silentSeconds: 700, deadlineSeconds: -1 });
  await seedFleet(database, { rows: 10, silentSeconds: 700 });
  await seedFleet(database, { rows: 20 });
  const { sweeper } = newSweeper({ storm: { ...storm, minStale: 5 } });
  const plan = await sweeper.dryRun();
  expect(plan).toMatchObject({ stuck: 10, failed: 30, held: false });
  expect(await sweeper.sweep({ trigger: 'manual' })).toMatchObject({ stuck: 10, failed: 30, held: false });
});

test('the silence of a role that many processes share is a storm where STORM_MIN_CALLEES is 1', async () => {
  await seedFleet(database, { rows: 100, callees: 1, silentSeconds: 700 });
  const { sweeper } = newSweeper({ storm: { ...storm, minCallees: 1 } });
  expect(await sweeper.sweep({ trigger: 'manual' })).toMatchObject({ stuck: 0, held: true });
});

test('holds as soon as one row is stale and the others of its outage are nearly so', async () => {
  await seedFleet(database, { rows: 1, silentSeconds: 601 });
  await seedFleet(database, { rows: 39, silentSeconds: 560, callees: 5 });
  const { sweeper, events } = newSweeper();
  expect(await sweeper.sweep({ trigger: 'manual' })).toMatchObject({ stuck: 0, held: true });
  expect(events('sweep.held')).toMatchObject([{ stale: 1, inFlight: 40, ratio: 1 }]);
});

test('sees an outage before any row is stale, and holds although half of its agents are heard again by then', async () => {
  await seedFleet(database, { rows: 100, silentSeconds: 480, callees: 5 });
  const { sweeper, events } = newSweeper();
  const pass = (seconds: number) =>
    database.query(`UPDATE delegations SET last_heartbeat = last_heartbeat - $1::int * interval '1 second'`, [seconds]);
  expect(await sweeper.sweep({ trigger: 'manual' })).toMatchObject({ stuck: 0, held: false });
  expect(events('sweep.held')).toEqual([]);
  await pass(130);
  await database.query(`UPDATE delegations SET last_heartbeat = clock_timestamp() WHERE delegation_id IN (
    SELECT delegation_id FROM delegations ORDER BY delegation_id LIMIT 60)`);
  // The rows that were watched were late then; the instant has moved with them.
  await database.query(`UPDATE sweeper_state SET storm_watched_before = storm_watched_before - interval '130 seconds'`);
  expect(await sweeper.sweep({ trigger: 'manual' })).toMatchObject({ stuck: 0, held: true });
  expect(events('sweep.held')).toMatchObject([{ stale: 40, inFlight: 100, ratio: 0.4 }]);
});

test('rows that are heard again prolong the hold for those that are not yet, down to the last', async () => {
  await seedFleet(database, { rows: 60, silentSeconds: 700, callees: 5 });
  await seedFleet(database, { rows: 40 });
  const { sweeper } = newSweeper();
  expect(await sweeper.sweep({ trigger: 'manual' })).toMatchObject({ held: true });
  const heard = (rows: number) =>
    database.query(
      `UPDATE delegations SET last_heartbeat = clock_timestamp() WHERE delegation_id IN (
         SELECT delegation_id FROM delegations ORDER BY last_heartbeat LIMIT $1)`,
      [rows],
    );
  // 49 of 100 are fewer than STORM_RATIO, 5 fewer than STORM_MIN_STALE.
  for (const rows of [11, 30, 14]) {
    await heard(rows);
    expect(await sweeper.sweep({ trigger: 'manual' })).toMatchObject({ stuck: 0, held: true });
  }
  await heard(5);
  expect(await sweeper.sweep({ trigger: 'manual' })).toMatchObject({ stuck: 0, held: false, remaining: 0 });
});

test('a row that its deadline ends during a hold does not count as heard again', async () => {
  await seedFleet(database, { rows: 30, silentSeconds: 700 });
  await seedFleet(database, { rows: 30 });
  const { sweeper } = newSweeper();
  await sweeper.sweep({ trigger: 'manual' });
  await database.query(`UPDATE delegations SET deadline = clock_timestamp() WHERE delegation_id IN (
    SELECT delegation_id FROM delegations ORDER BY last_heartbeat LIMIT 5)`);
  // The watch covers what was not overdue then; these were due later.
  await database.query(`UPDATE sweeper_state SET storm_watched_at = storm_watched_at - interval '1 minute'`);
  expect(await sweeper.sweep({ trigger: 'manual' })).toMatchObject({ failed: 5, stuck: 0, held: true });
  const [kept] = await database.query(
    `SELECT storm_came_back::int AS back, storm_watched::int AS watched FROM sweeper_state`,
  );
  expect(kept).toEqual({ back: 0, watched: 25 });
});

test('rows that sweeps cannot mark are no storm: locked ones, and those known to be poisoned', async () => {
  const locked = await seedFleet(database, { rows: 30, silentSeconds: 700 });
  const poisoned = await seedFleet(database, { rows: 30, silentSeconds: 700 });
  await database.query(`INSERT INTO sweeper_notices (kind, subject, noticed_at)
    SELECT 'poisoned', delegation_id, clock_timestamp() FROM delegations WHERE starts_with(delegation_id, '${poisoned}')`);
  const one = await seedFleet(database, { rows: 1, silentSeconds: 700 });
  const rival = await database.connect();
  await rival.query(`BEGIN; SELECT FROM delegations WHERE starts_with(delegation_id, '${locked}') FOR UPDATE`);
  const { sweeper, events } = newSweeper({ storm: { ...storm, minStale: 2 } });
  await sweeper.sweep({ trigger: 'manual' });
  expect(events('sweep.held')).toEqual([]);
  expect(await countByStatus(database, one)).toEqual({ stuck: 1 });
  await rival.query('ROLLBACK');
});

test('the hold is recorded before anything is counted, and after a failed count it goes on until STORM_MAX_HOLD', async () => {
  await seedFleet(database, { rows: 30, silentSeconds: 700, callees: 1 });
  await using broken = brokenCount();
  const { sweeper } = testSweeper(broken.db, { storm });
  await expect(sweeper.sweep({ trigger: 'manual' })).rejects.toThrow('no count');
  expect(await stormState()).toEqual({ held: true, released: false });
  expect(await countByStatus(database)).toEqual({ in_progress: 30 });
  await ageHold(30);
  expect(await sweeper.sweep({ trigger: 'manual' })).toMatchObject({ stuck: 1, held: false });
  // Counting works again: one callee alone is no storm.
  await database.query(`UPDATE sweeper_state SET storm_held_since = clock_timestamp(), storm_released_at = NULL,
    storm_released_why = NULL`);
  expect(await newSweeper().sweeper.sweep({ trigger: 'manual' })).toMatchObject({ held: true });
});

test('a sweep that has lost its lease does not change the hold', async () => {
  const memory = new StormMemory(database.db, sweeperTables(database.db));
  const news = blindHoldNews('older', 1_000);
  await database.query(`UPDATE sweeper_state SET sweep_id = 'newer'`);
  await memory.begin('older', Date.now() * 1000, news);
  await memory.keep('older', { ...calm, heldSinceUs: Date.now() * 1000 }, null, news);
  expect(await stormState()).toEqual({ held: false, released: false });
  await memory.begin('newer', Date.now() * 1000, news);
  await memory.keep('older', calm, null, null);
  expect(await stormState()).toEqual({ held: true, released: false });
});

/** A database whose count by age raises. */
function brokenCount() {
  const pool = new pg.Pool({ connectionString: database.url, max: 2 });
  pool.on('connect', (client) => {
    const query = client.query.bind(client) as (...args: unknown[]) => unknown;
    Object.assign(client, {
      query: (text: unknown, ...rest: unknown[]) =>
        String(text).includes('"rowsByAge"') ? Promise.reject(new Error('no count')) : query(text, ...rest),
    });
  });
  const db = new Kysely<Database>({ dialect: new PostgresDialect({ pool }) });
  return { db, [Symbol.asyncDispose]: () => db.destroy() };
}

interface PlanNode {
  readonly 'Node Type': string;
  readonly 'Index Name'?: string;
  readonly 'Actual Rows': number;
  readonly 'Actual Loops': number;
  readonly 'Rows Removed by Filter'?: number;
  readonly 'Shared Hit Blocks': number;
  readonly 'Shared Read Blocks': number;
  readonly Plans?: readonly PlanNode[];
}

/** The plan of a statement for these values, as executed. */
async function planOf(
  { sql, parameters }: BoundStatement,
  session: Pick<typeof database, 'query'> = database,
): Promise<PlanNode> {
  const [row] = await session.query<{ 'QUERY PLAN': [{ Plan: PlanNode }] }>(
    `EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) ${sql}`,
    [...parameters],
  );
  return row!['QUERY PLAN'][0].Plan;
}

const nodes = (plan: PlanNode): PlanNode[] => [plan, ...(plan.Plans ?? []).flatMap(nodes)];

test('in the idle case it costs an index probe each for plain and special rows, whatever the fleet', async () => {
  await seedFleet(database, { rows: 20_000, callees: 100 });
  await database.query(`UPDATE delegations SET stuck_after_ms = 3600000 WHERE right(delegation_id, 1) = '7'`);
  await database.query('VACUUM ANALYZE delegations');
  const nowUs = Date.now() * 1000;
  const before = nowUs - 600_000_000;
  const probe = anySilentStatement(sweeperTables(database.db));
  const plan = await planOf(probe.bind({ now: nowUs, staleness: plainStaleness(before), before }));
  for (const index of ['delegations_heartbeat_plain', 'delegations_suspect']) {
    expect(nodes(plan).filter((node) => node['Index Name'] === index)).toMatchObject([{ 'Actual Rows': 0 }]);
  }
  // Locks are not even queried.
  expect(nodes(plan).filter((node) => node['Node Type'] === 'Function Scan' && node['Actual Loops'] > 0)).toEqual([]);
  expect(plan['Shared Hit Blocks'] + plan['Shared Read Blocks']).toBeLessThanOrEqual(8);
});

test('in the idle case no other statement of the guard is sent, and the state is not written', async () => {
  await seedFleet(database, { rows: 100 });
  const statements: string[] = [];
  const dialect = new PostgresDialect({ pool: new pg.Pool({ connectionString: database.url, max: 2 }) });
  await using spied = new Kysely<Database>({ dialect, log: ({ query }) => void statements.push(query.sql) });
  await testSweeper(spied, { storm }).sweeper.sweep({ trigger: 'manual' });
  const tables = sweeperTables(spied);
  expect(statements).toContain(anySilentStatement(tables).sql);
  const others = ['"rowsByAge"', '"top"', '"stillSilent"', 'SET storm_held_since'];
  for (const part of others) expect(statements.filter((text) => text.includes(part))).toEqual([]);
});

test('where fewer than a storm has are late, the fleet is not counted', async () => {
  await seedFleet(database, { rows: 100, silentSeconds: 80 });
  await seedFleet(database, { rows: 15, silentSeconds: 200 });
  await seedDelegation(database, { silentSeconds: 700 });
  const statements: string[] = [];
  const dialect = new PostgresDialect({ pool: new pg.Pool({ connectionString: database.url, max: 2 }) });
  await using spied = new Kysely<Database>({ dialect, log: ({ query }) => void statements.push(query.sql) });
  const counted = () => statements.filter((text) => text.includes('"rowsByAge"')).length;
  expect(await testSweeper(spied, { storm }).sweeper.sweep({ trigger: 'manual' })).toMatchObject({
    stuck: 1,
    held: false,
  });
  expect(counted()).toBe(0);
  // Twenty, with the one that is marked.
  for (const silentSeconds of [100, 110, 120, 700, 710]) await seedDelegation(database, { silentSeconds });
  expect(await testSweeper(spied, { storm }).sweeper.sweep({ trigger: 'manual' })).toMatchObject({
    stuck: 2,
    held: false,
  });
  expect(counted()).toBe(1);
});

test('the fleet is counted along the index, the longest silent first, and never further than so many rows', async () => {
  // Plain ones and special ones, each more than are counted; half of each is silent.
  const counted = 100;
  await database.query('ALTER TABLE delegations SET (autovacuum_enabled = false)');
  for (const silentSeconds of [5, 500]) await seedFleet(database, { rows: 1000, callees: 100, silentSeconds });
  await database.query(`UPDATE delegations SET stuck_after_ms = 600000
    WHERE right(delegation_id, 1) IN ('0', '1', '2', '3')`);
  await database.query('VACUUM ANALYZE delegations');
  const nowUs = Date.now() * 1000;
  const bounds = Array.from({ length: 20 }, (_, i) => nowUs - (20 - i) * 30_000_000);
  const statement = ageCountStatement(sweeperTables(database.db));
  const count = statement.bind({ now: nowUs, staleness: plainStaleness(bounds[0]!), bounds });
  // Fewer than the million, by the same places in the same statement.
  expect(ROWS_COUNTED_MAX).toBe(1_000_000);
  const bound = { ...count, sql: count.sql.replaceAll(String(ROWS_COUNTED_MAX), String(counted)) };
  // As in the transaction in which it runs.
  const session = await database.connect();
  await session.query('SET enable_seqscan = off');
  const query = async <Row>(text: string, values?: unknown[]) => (await session.query(text, values)).rows as Row[];

  const rowsByAge = async ({ sql, parameters }: BoundStatement) =>
    (await query<{ rowsByAge: number[] }>(sql, [...parameters])).map((row) => row.rowsByAge);
  const youngest = (ages: readonly number[]) => ages.slice(0, 10).reduce((sum, rows) => sum + rows, 0);
  const total = (ages: readonly number[]) => ages.reduce((sum, rows) => sum + rows, 0);
  expect((await rowsByAge(count)).map(total)).toEqual([1200, 800]);
  const few = await rowsByAge(bound);
  expect(few.map(total)).toEqual([counted, counted]);
  expect(few.map(youngest)).toEqual([0, 0]);

  const plan = nodes(await planOf(bound, { query }));
  expect(plan.map((node) => node['Node Type'])).not.toContain('Seq Scan');
  const scans = plan.filter((node) => /^Index (Only )?Scan$/.test(node['Node Type']) && node['Actual Rows'] > 1);
  expect(scans.map((scan) => scan['Actual Rows'])).toEqual([counted, counted]);
});
