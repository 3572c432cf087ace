import { afterEach, describe, expect, test } from '@jest/globals';
import { judgeConnections } from '../../src/doctor/checks/connections.ts';
import { judgeServer } from '../../src/doctor/checks/server.ts';
import { judgeAges } from '../../src/doctor/checks/transaction-ids.ts';
import { startDebianServer } from '../conformance/debian-server.ts';
import { databaseUrl, testServer, withClient } from '../support/server.ts';
import { makeClusterSeed, ServerPair } from '../support/server-pair.ts';
import { useDatabase } from '../support/use-database.ts';
import { waitFor } from '../support/wait-for.ts';
import { findingsOf } from './doctor-on.ts';

const database = useDatabase({ replayed: false });
let undo = new AsyncDisposableStack();
afterEach(async () => {
  await undo.disposeAsync();
  undo = new AsyncDisposableStack();
});

const faultsOf = (seen: readonly object[]) => seen.flatMap((one) => ('fault' in one ? [one.fault] : []));

describe('the version of the server', () => {
  const server = { version: 'x', encoding: 'UTF8', inRecovery: false };
  test.each([
    [140_020, ['version']],
    [150_000, []],
    [189_999, []],
    [190_000, ['version']],
  ])('%i', (versionNumber, faults) => {
    expect(faultsOf(judgeServer({ ...server, versionNumber }))).toEqual(faults);
  });
});

test('a database in another encoding is found', async () => {
  const { url } = testServer();
  const name = `${database.name}_ascii`;
  await withClient(url, (client) =>
    client.query(`CREATE DATABASE ${name} ENCODING 'SQL_ASCII' TEMPLATE template0 LOCALE_PROVIDER libc LOCALE 'C'`),
  );
  undo.defer(async () => {
    await withClient(url, (client) => client.query(`DROP DATABASE ${name} WITH (FORCE)`));
  });
  expect(await findingsOf(database, 'server')).toEqual([]);
  expect(await findingsOf({ url: databaseUrl(url, name) }, 'server')).toMatchObject([
    { severity: 'problem', what: "The database's encoding is SQL_ASCII" },
  ]);
});

test('a standby is found', async () => {
  const seed = undo.use(await makeClusterSeed(async () => {}));
  const pair = undo.use(await ServerPair.start(seed));
  expect(await findingsOf(pair.primary, 'server')).toEqual([]);
  expect(await findingsOf(pair.standby, 'server')).toMatchObject([
    { severity: 'problem', what: 'The server is a standby and takes no writes' },
  ]);
});

test("settings that a crash makes dangerous are found, as the tests' own server has them", async () => {
  const found = await findingsOf(database, 'settings');
  expect(found.map(({ what, severity }) => [severity, what.split(' ')[0]])).toEqual(
    expect.arrayContaining([
      ['problem', 'fsync'],
      ['problem', 'full_page_writes'],
      ['advice', 'synchronous_commit'],
    ]),
  );
});

test('settings of another role that writes delegations are found, and not those of one that only reads', async () => {
  const role = `agents_${database.name}`;
  await database.query(`CREATE ROLE ${role} LOGIN`);
  undo.defer(async () => {
    await database.query(`DROP OWNED BY ${role}`);
    await database.query(`DROP ROLE ${role}`);
  });
  await database.query(`ALTER ROLE ${role} IN DATABASE ${database.name} SET statement_timeout = '300ms'`);
  const whats = async () => (await findingsOf(database, 'settings')).map(({ what }) => what);
  const expected = expect.stringContaining(`statement_timeout for the role ${role} is 300 ms`);
  expect(await whats()).not.toContainEqual(expected);
  await database.query(`GRANT SELECT ON delegations TO ${role}`);
  expect(await whats()).not.toContainEqual(expected);
  await database.query(`GRANT UPDATE (status) ON delegations TO ${role}`);
  expect(await whats()).toContainEqual(expected);
});

test('vacuum_defer_cleanup_age is found where the server has it', async () => {
  const server = await startDebianServer(undo);
  const deferred = async () =>
    (await findingsOf({ url: databaseUrl(server.url, server.template) }, 'settings')).filter(({ what }) =>
      what.startsWith('vacuum_defer_cleanup_age'),
    );
  expect(await deferred()).toEqual([]);
  await withClient(server.url, async (client) => {
    await client.query('ALTER SYSTEM SET vacuum_defer_cleanup_age = 1000');
    await client.query('SELECT pg_reload_conf()');
  });
  const found = await waitFor('the setting to be in force', async () => {
    const findings = await deferred();
    return findings.length > 0 && findings;
  });
  expect(found).toMatchObject([{ severity: 'advice' }]);
});

test('connections that are nearly used up are found', () => {
  const limits = { max: 100, reserved: 3, databaseLimit: -1, roleLimit: -1, replicas: 2 };
  const options = { options: { replicaConnectionsMax: 9 } };
  expect(faultsOf(judgeConnections({ ...limits, used: 87 }, options))).toEqual([]);
  expect(faultsOf(judgeConnections({ ...limits, used: 88 }, options))).toEqual(['used_up']);
  expect(faultsOf(judgeConnections({ ...limits, used: 9, roleLimit: 8 }, options))).toEqual(['too_few']);
});

test('a database that was not frozen for very long is found', () => {
  const freezeMax = 200_000_000;
  expect(faultsOf(judgeAges(400_000_000, freezeMax, [], 'public'))).toEqual([]);
  expect(faultsOf(judgeAges(400_000_001, freezeMax, [], 'public'))).toEqual(['database_old']);
  // However late autovacuum is set to begin: before the server stops.
  expect(faultsOf(judgeAges(1_000_000_001, 2_000_000_000, [], 'public'))).toEqual(['database_old']);
});
