import path from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type DebianServer, startDebianServer } from '../conformance/debian-server.ts';
import { startDaemon, type TestDaemon } from '../support/daemon.ts';
import { databaseUrl, withClient } from '../support/server.ts';
import { waitUntilWaiting } from '../support/wait-for.ts';
import { commandBlocks } from './command-blocks.ts';
import { MovingFleet, type Place } from './moving-fleet.ts';
import { paste } from './paste.ts';

// The page from its beginning to its end, on two servers: from public to a schema of its own, to a second server by a
// dump, back to the first by logical replication, and back to public. Agents send heartbeats all the time. While the
// ledger is closed it is made older by more than the threshold, so that only what the page promises keeps them alive.

const blocks = commandBlocks()
  .filter(({ file }) => file === 'docs/scaling.md')
  .map(({ text }) => text);
const pasted = new Set<string>();

const STUCK_AFTER = '20s';
const OLDER_MS = 90_000;
const OLDER = `interval '${OLDER_MS} milliseconds'`;

const undo = new AsyncDisposableStack();
const fleet = new MovingFleet();
let servers: readonly [DebianServer, DebianServer];
let daemon: TestDaemon | undefined;
/** Where the ledger is, and where it goes. */
let here: Place;
let there: Place;

beforeAll(async () => {
  const start = () => startDebianServer(undo, { settings: ['wal_level=logical'] });
  servers = [await start(), await start()];
  const [first, second] = servers;
  await query(first.url, `CREATE DATABASE agents TEMPLATE ${first.template}`);
  await query(second.url, `CREATE DATABASE agents TEMPLATE template0 ENCODING 'UTF8'`);
  here = there = { url: databaseUrl(first.url, 'agents'), schema: 'public' };
  await pasteHere('psql "$ADMIN_URL" -f deploy/postgres/roles.sql');
  await query(here.url, 'CREATE TABLE of_an_application (note text)');
  undo.defer(async () => daemon?.[Symbol.asyncDispose]());
  undo.defer(() => fleet.stop());
  await startDaemonAt(here);
  await fleet.begin(here);
});
afterAll(() => undo.disposeAsync());

/** Runs the page's block that begins so; of several the first that was not run yet. Returns its standard output. */
function follow(beginning: string, configuration: NodeJS.ProcessEnv = {}): Promise<string> {
  const matching = blocks.filter((block) => block.startsWith(beginning));
  const block = matching.find((each) => !pasted.has(each)) ?? matching[0];
  if (block === undefined) throw new Error(`the page has no block that begins with ${beginning}`);
  pasted.add(block);
  return pasteHere(block, configuration);
}

async function pasteHere(block: string, configuration: NodeJS.ProcessEnv = {}): Promise<string> {
  const { code, stdout, stderr } = await paste(block, {
    PATH: `${servers[0].bin}${path.delimiter}${process.env.PATH}`,
    ADMIN_URL: here.url,
    DATABASE_URL: here.url,
    NEW_ADMIN_URL: there.url,
    NEW_DATABASE_URL: there.url,
    DB_SCHEMA: here.schema,
    ...configuration,
  });
  if (code !== 0) throw new Error(`${block}ended with ${code}:\n${stdout}${stderr}`);
  return stdout;
}

function query<Row>(url: string, sql: string): Promise<Row[]> {
  return withClient(url, async (client) => {
    await client.query(`SET timezone = 'UTC'`);
    return (await client.query(sql)).rows as Row[];
  });
}

/** Of every table: how many rows, and a sum of their hashes. */
async function contentOf({ url, schema }: Place): Promise<Record<string, unknown>> {
  const tables = await query<{ name: string }>(
    url,
    `SELECT tablename AS name FROM pg_tables WHERE schemaname = '${schema}' AND tablename <> 'of_an_application' ORDER BY 1`,
  );
  const sums = tables.map(async ({ name }) => {
    const sum = `SELECT count(*), sum(hashtextextended(t::text, 0)) FROM "${schema}"."${name}" t`;
    return [name, (await query(url, sum))[0]];
  });
  return Object.fromEntries(await Promise.all(sums));
}

async function startDaemonAt(place: Place): Promise<void> {
  daemon = startDaemon(place.url, { DB_SCHEMA: place.schema, STUCK_AFTER });
  await daemon.until('sweep.completed');
}

async function stopDaemon(): Promise<void> {
  await daemon![Symbol.asyncDispose]();
  expect(daemon!.events('database.rewound')).toEqual([]);
}

/** Hold and stop the daemons; then one of the agents has died. */
async function hold(): Promise<void> {
  await follow('npm run -s cli -- hold');
  await stopDaemon();
  await fleet.die();
}

/** As if all had happened so much earlier: to the sweeper, the ledger was closed for so much longer. */
async function growOlder({ url, schema }: Place): Promise<void> {
  await query(
    url,
    `UPDATE "${schema}".delegations SET last_heartbeat = last_heartbeat - ${OLDER} WHERE status = 'in_progress';
    UPDATE "${schema}".sweeper_state SET beat_at = beat_at - ${OLDER};
    UPDATE "${schema}".sweeper_daemons SET beat_at = beat_at - ${OLDER};
    UPDATE "${schema}".sweeper_lowerings SET lowered_at = lowered_at - ${OLDER};
    DELETE FROM "${schema}".sweeper_gaps`,
  );
}

/** The daemon is started before the agents are heard again, which is the harder way: nobody is marked. */
async function startThere(): Promise<void> {
  await growOlder(there);
  await startDaemonAt(there);
  const { gapMs } = await daemon!.until('sweep.unobserved');
  expect(gapMs).toBeGreaterThan(OLDER_MS);
  await daemon!.until('sweep.held');
  await fleet.goTo(there);
  await fleet.heard();
  expect(daemon!.events('delegation.stuck')).toEqual([]);
}

/** After the release who has died is found, and nobody else. A life ends here with its whole history. */
async function expectAllWell(): Promise<void> {
  await daemon!.until('delegation.stuck', ({ delegationId }) => delegationId === fleet.dead.at(-1));
  await fleet.heard();
  const stuck = `SELECT delegation_id AS id FROM "${there.schema}".delegations WHERE status = 'stuck' ORDER BY 1`;
  expect(await query(there.url, stuck)).toEqual(fleet.dead.map((id) => ({ id })));
  expect(await fleet.finishOne()).toEqual(['delegation.queued', 'delegation.in_progress', 'delegation.completed']);
  here = there;
}

test('from public to a schema of its own: whatever belongs to the ledger and nothing else, and SQL by the search path goes on', async () => {
  there = { ...here, schema: 'agents' };
  await follow('psql "$ADMIN_URL" -v db_schema=agents');
  await follow(`psql "$ADMIN_URL" -c 'ALTER ROLE`);
  const writer = new URL(here.url);
  writer.username = 'delegation_sweeper_writer';
  await withClient(writer.href, async (client) => {
    const outcomeOf = async (call: string) => (await client.query(`SELECT outcome FROM ${call}`)).rows[0].outcome;
    await outcomeOf(`delegation_insert('sql', 'planner', 'coder', 'task')`);
    await outcomeOf(`delegation_set_status('sql', 'in_progress')`);
    const heartbeat = `delegation_heartbeat('sql', progress => 'half done')`;
    expect(await outcomeOf(heartbeat)).toBe('stamped');
    await hold();
    await fleet.stop();
    const before = await contentOf(here);
    await follow('psql "$ADMIN_URL" -v from=public');
    expect(await contentOf(there)).toEqual(before);
    expect(await outcomeOf(heartbeat)).toBe('stamped');
    expect(await outcomeOf(`delegation_set_status('sql', 'completed')`)).toBe('changed');
  });
  expect(await query(here.url, OBJECTS)).toEqual([{ name: 'of_an_application' }]);
  await startThere();
  expect(await follow('DB_SCHEMA=agents npm run -s cli -- release')).toMatch(/sweeping/i);
  await expectAllWell();
  await follow(`psql "$ADMIN_URL" <<'SQL'\nSELECT pgboss.delete_queue`);
  const queues = `SELECT name FROM pgboss.queue WHERE name LIKE 'delegation-%' AND name NOT LIKE '%.agents'`;
  expect(await query(here.url, queues)).toEqual([]);
});

/** Tables, sequences and functions in public; types and indexes belong to them. */
const OBJECTS = `
  SELECT relname AS name FROM pg_class WHERE relnamespace = 'public'::regnamespace
  UNION ALL SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace ORDER BY 1`;

test('a move to a schema that has a ledger, or from one that has none, is refused, and says what to do', async () => {
  const move = (from: string, to: string) =>
    paste(`psql "$ADMIN_URL" -v from=${from} -v to=${to} -f deploy/postgres/move-schema.sql`, { ADMIN_URL: here.url });
  expect(await move('agents', 'agents')).toMatchObject({ stderr: expect.stringMatching(/choose another.*-v to=/) });
  expect(await move('public', 'other')).toMatchObject({ stderr: expect.stringMatching(/no ledger.*-v from=/) });
  const schemas = `SELECT nspname FROM pg_namespace WHERE nspname = 'other'`;
  expect(await query(here.url, schemas)).toEqual([]);
});

test('to a second server by a dump', async () => {
  there = { url: databaseUrl(servers[1].url, 'agents'), schema: 'agents' };
  await hold();
  await withClient(here.url, async (client) => {
    // A transaction under way is waited for, and what it writes is in the copy.
    await client.query('SET search_path = agents; BEGIN');
    await client.query(`SELECT delegation_insert('under way', 'planner', 'coder', 'task')`);
    const closing = follow('psql "$ADMIN_URL" -v ON_ERROR_STOP=1');
    await waitUntilWaiting({ query: (sql) => query(here.url, sql) }, 1);
    await client.query('COMMIT');
    await closing;
  });
  const closed = { ...here, schema: 'moved_agents' };
  const before = await contentOf(closed);
  await follow('pg_dump');
  const compared = (await follow('for url in')).trim().split('\n');
  expect(compared).toHaveLength(6);
  expect(compared.slice(0, 3)).toEqual(compared.slice(3));
  await follow(`psql "$NEW_ADMIN_URL" -c 'ALTER SCHEMA`);
  expect(await contentOf(there)).toEqual(before);
  const underWay = `SELECT status FROM agents.delegations WHERE delegation_id = 'under way'`;
  expect(await query(there.url, underWay)).toEqual([{ status: 'queued' }]);
  // Agents that had not been told went on all the time, and changed nothing.
  expect(await contentOf(closed)).toEqual(before);
  await startThere();
  expect(await follow('DATABASE_URL="$NEW_DATABASE_URL" npm run -s cli -- release')).toMatch(/sweeping/i);
  await follow(`psql "$ADMIN_URL" -c 'DROP SCHEMA`);
  await expectAllWell();
});

test('to a server, here back to the first, by logical replication', async () => {
  there = { url: databaseUrl(servers[0].url, 'agents'), schema: 'agents' };
  expect(await follow('psql "$ADMIN_URL" -Atc')).toBe('logical\n');
  await follow('pg_dump "$ADMIN_URL" --schema=agents --schema-only');
  await follow('DATABASE_URL="$NEW_ADMIN_URL" npm run -s cli -- migrate up');
  await fleet.heard();
  await hold();
  await follow('psql "$ADMIN_URL" -v ON_ERROR_STOP=1');
  expect(await contentOf(there)).toEqual(await contentOf({ ...here, schema: 'moved_agents' }));
  await startThere();
  await follow('DATABASE_URL="$NEW_DATABASE_URL" npm run -s cli -- release');
  await expectAllWell();
});

test('back to public', async () => {
  there = { ...here, schema: 'public' };
  await hold();
  await follow('psql "$ADMIN_URL" -v from=agents');
  expect(await query(here.url, OBJECTS.replaceAll('public', 'agents'))).toEqual([]);
  await startThere();
  await follow('DATABASE_URL="$NEW_DATABASE_URL" npm run -s cli -- release', { DB_SCHEMA: 'public' });
  await expectAllWell();
});

test('every block of the page was run', () => {
  expect(blocks.filter((block) => !pasted.has(block))).toEqual([]);
});
