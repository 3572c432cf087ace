import { rm } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { startEmbedded } from '../../src/embedded/embedded-postgres.ts';
import { startDebianServer } from '../conformance/debian-server.ts';
import { startDaemon } from '../support/daemon.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { testLedger } from '../support/fixtures.ts';
import { makeTemplate, type ServerWithTemplate } from '../support/own-server.ts';
import { runProgram } from '../support/program.ts';
import { seedFleet } from '../support/seed-fleet.ts';
import { makeDatabaseDir } from '../support/temporary-dir.ts';
import { waitFor } from '../support/wait-for.ts';
import { applyRoles, roleOf } from './expected-files.ts';

// Servers of their own, with the settings of a real one: the other tests' servers are not durable.
const servers: Readonly<Record<string, (undo: AsyncDisposableStack) => Promise<ServerWithTemplate>>> = {
  async embedded(undo) {
    const dataDir = await makeDatabaseDir();
    undo.defer(() => rm(dataDir, { recursive: true, force: true }));
    const { url } = undo.use(await startEmbedded({ dataDir }));
    return makeTemplate(url, undo);
  },
  "Debian's": (undo) => startDebianServer(undo, { durable: true }),
};

describe.each(Object.entries(servers))('on the %s server nothing is found where nothing is wrong:', (_, start) => {
  const undo = new AsyncDisposableStack();
  let server: ServerWithTemplate;
  let database: TestDatabase;
  beforeAll(async () => {
    server = await start(undo);
    database = undo.use(await createTestDatabase(server));
  });
  afterAll(() => undo.disposeAsync());

  const doctor = async (url = database.url) => {
    const { code, stdout, stderr } = await runProgram(['doctor', '--json'], { DATABASE_URL: url });
    const { findings, checks } = JSON.parse(stdout);
    const notRun = checks.filter(({ outcome }: { outcome: string }) => outcome === 'not_run');
    return { code, findings, notRun, stderr: stderr.replace(/^still checking: [\w-]+$/gm, '').trim() };
  };
  const nothing = { code: 0, findings: [], notRun: [], stderr: '' };
  const as = (role: string) => {
    const url = new URL(database.url);
    url.username = role;
    return url.href;
  };

  test('right after the start of a daemon, on an empty ledger', async () => {
    await using daemon = startDaemon(database.url);
    // Its first beat, before its queue, its schedule and its first sweep.
    await daemon.until('daemon.started');
    await waitFor('a beat', async () => (await database.query('SELECT FROM sweeper_daemons')).length > 0);
    expect(await doctor()).toEqual(nothing);
  });

  test('with agents at work, and with results', async () => {
    await using daemon = startDaemon(database.url);
    await daemon.until('sweep.completed');
    await seedFleet(database, { rows: 3000, silentSeconds: 20 });
    await database.query(`UPDATE delegations SET updated_at = updated_at - interval '10 minutes'`);
    await database.query('ANALYZE');
    const { ledger } = testLedger(database.db);
    await ledger.insert({ delegationId: 'a', callerId: 'planner', calleeId: 'coder', taskPreview: 'task' });
    for (const status of ['dispatched', 'in_progress', 'completed'] as const) await ledger.setStatus('a', status);
    expect(await doctor()).toEqual(nothing);
  });

  test('for the roles of roles.sql, with a daemon that runs as the sweeper', async () => {
    await applyRoles(database.url);
    await using daemon = startDaemon(as(roleOf('sweeper')));
    await daemon.until('sweep.completed');
    // PostgreSQL hides other roles' sessions from them, which is no finding.
    const notRun = [expect.objectContaining({ check: 'snapshots' })];
    expect(await doctor(as(roleOf('sweeper')))).toEqual({ ...nothing, notRun });
    expect(await doctor(as(roleOf('reader')))).toEqual({ ...nothing, notRun });
    await database.query(`GRANT pg_read_all_stats TO ${roleOf('sweeper')}`);
    expect(await doctor(as(roleOf('sweeper')))).toEqual(nothing);
    // A role that writes may not read what the daemons keep.
    expect(await doctor(as(roleOf('writer')))).toMatchObject({ code: 0, findings: [] });
  });
});
