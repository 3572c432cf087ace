import { expect, test } from '@jest/globals';
import { Kysely, PostgresDialect } from 'kysely';
import pg from 'pg';
import type { Database } from '../../../src/db/schema.ts';
import { inFlightStatement, staleAtLeastStatement, staleCountStatement } from '../../../src/sweeper/storm/probe.ts';
import { sweeperTables } from '../../../src/sweeper/tables.ts';
import { plainStaleness, type Staleness } from '../../../src/sweeper/threshold/staleness.ts';
import { seedDelegation, testSweeper } from '../../support/fixtures.ts';
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

test('a storm holds the stale rule and not the deadline rule, and every sweep says so with the numbers', async () => {
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
  expect(first).toMatchObject({ level: 'error', stale: 30, inFlight: 40, ratio: 0.75, callees, heldForMs: 0 });
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
  expect(await newSweeper().sweeper.sweep({ trigger: 'manual' })).toMatchObject({ held: false, stuck: 30 });
  expect(await stormState()).toEqual({ held: true, released: true });
});

test('after STORM_MAX_HOLD it lets go of one batch a sweep, and once the storm is over of everything', async () => {
  await seedFleet(database, { rows: 40, silentSeconds: 700 });
  const { sweeper, events } = newSweeper({ batchRowsMax: 10 });
  await sweeper.sweep({ trigger: 'manual' });
  await ageHold(30);
  expect(await sweeper.sweep({ trigger: 'manual' })).toMatchObject({
    stuck: 10,
    batches: 1,
    remaining: 30,
    truncated: true,
  });
  expect(await sweeper.sweep({ trigger: 'manual' })).toMatchObject({ stuck: 10, batches: 1, remaining: 20 });
  expect(await stormState()).toEqual({ held: true, released: true });
  // 20 stale are still a storm; after these ten they are too few to be one.
  expect(await sweeper.sweep({ trigger: 'manual' })).toMatchObject({ stuck: 10, remaining: 10, held: false });
  expect(await sweeper.sweep({ trigger: 'manual' })).toMatchObject({ stuck: 10, remaining: 0, truncated: false });
  expect(await stormState()).toEqual({ held: false, released: false });
  expect(events('sweep.held')).toHaveLength(1);

  await seedFleet(database, { rows: 40, silentSeconds: 700 });
  expect(await sweeper.sweep({ trigger: 'manual' })).toMatchObject({ stuck: 0, held: true });
  expect(events('sweep.held')[1]).toMatchObject({ heldForMs: 0 });
});

test('a storm that ends by itself, its agents heard again, marks nobody and is forgotten', async () => {
  await seedFleet(database, { rows: 40, silentSeconds: 700 });
  const { sweeper } = newSweeper();
  expect(await sweeper.sweep({ trigger: 'manual' })).toMatchObject({ held: true });
  await database.query(`UPDATE delegations SET last_heartbeat = clock_timestamp()`);
  expect(await sweeper.sweep({ trigger: 'manual' })).toMatchObject({ stuck: 0, held: false, remaining: 0 });
  expect(await stormState()).toEqual({ held: false, released: false });
});

test('--force lets go for that one sweep, and leaves the hold as it was', async () => {
  await seedFleet(database, { rows: 40, silentSeconds: 700 });
  const { sweeper, events } = newSweeper();
  await sweeper.sweep({ trigger: 'manual' });
  const late = await seedFleet(database, { rows: 30, silentSeconds: 650 });
  // Locked by a rival, so that the storm is still one after the forced sweep.
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
});

test('a dry run tells what a hold keeps back, and begins none', async () => {
  await seedFleet(database, { rows: 40, silentSeconds: 700 });
  const { sweeper, events } = newSweeper();
  expect(await sweeper.dryRun()).toMatchObject({ stuck: 0, held: true, remaining: 40, rows: [] });
  expect(await sweeper.dryRun({ force: true })).toMatchObject({ stuck: 40, held: false, remaining: 0 });
  expect(await stormState()).toEqual({ held: false, released: false });
  expect(events('sweep.held')).toEqual([]);
});

interface PlanNode {
  readonly 'Node Type': string;
  readonly 'Index Name'?: string;
  readonly 'Actual Rows': number;
  readonly 'Rows Removed by Filter'?: number;
  readonly 'Shared Hit Blocks': number;
  readonly 'Shared Read Blocks': number;
  readonly Plans?: readonly PlanNode[];
}

/** The plan of a statement with these literals in place of its parameters, as it ran. */
async function planOf(sql: string, parameters: readonly (number | Staleness)[]): Promise<PlanNode> {
  const literal = (value: number | Staleness) =>
    typeof value === 'number' ? String(value) : `'${JSON.stringify(value)}'`;
  const text = parameters.reduce<string>((filled, value, i) => filled.replaceAll(`$${i + 1}`, literal(value)), sql);
  const [row] = await database.query<{ 'QUERY PLAN': [{ Plan: PlanNode }] }>(
    `EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) ${text}`,
  );
  return row!['QUERY PLAN'][0].Plan;
}

const nodes = (plan: PlanNode): PlanNode[] => [plan, ...(plan.Plans ?? []).flatMap(nodes)];
const scanOf = (plan: PlanNode) => nodes(plan).find((node) => node['Node Type'].includes('Scan'))!;

test('in the idle case it costs one index probe, whatever the fleet', async () => {
  await seedFleet(database, { rows: 20_000, callees: 100 });
  await database.query('VACUUM ANALYZE delegations');
  const nowUs = Date.now() * 1000;
  const plan = await planOf(staleAtLeastStatement(sweeperTables(database.db)).sql, [
    nowUs,
    plainStaleness(nowUs - 600_000_000),
    20,
  ]);
  const scan = scanOf(plan);
  expect(scan['Index Name']).toBe('delegations_heartbeat_bucket');
  expect(scan).toMatchObject({ 'Actual Rows': 0 });
  expect(plan['Shared Hit Blocks'] + plan['Shared Read Blocks']).toBeLessThanOrEqual(5);
});

test('in the idle case no other statement of the guard is sent, and the state is not written', async () => {
  await seedFleet(database, { rows: 100 });
  await seedDelegation(database, { silentSeconds: 700 });
  const statements: string[] = [];
  const dialect = new PostgresDialect({ pool: new pg.Pool({ connectionString: database.url, max: 2 }) });
  await using spied = new Kysely<Database>({ dialect, log: ({ query }) => void statements.push(query.sql) });
  await testSweeper(spied, { storm }).sweeper.sweep({ trigger: 'manual' });
  const tables = sweeperTables(spied);
  expect(statements).toContain(staleAtLeastStatement(tables).sql);
  expect(statements).not.toContain(staleCountStatement(tables).sql);
  expect(statements).not.toContain(inFlightStatement(tables).sql);
  expect(statements.filter((text) => text.includes('SET storm_held_since'))).toEqual([]);
});

test('the fleet is never counted further than stale / ratio', async () => {
  await seedFleet(database, { rows: 20_000, callees: 100 });
  await database.query('VACUUM ANALYZE delegations');
  const plan = await planOf(inFlightStatement(sweeperTables(database.db)).sql, [61]);
  expect(scanOf(plan)['Actual Rows']).toBe(61);
});
