import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { startDaemon } from '../support/daemon.ts';
import { seedDelegation } from '../support/fixtures.ts';
import { newestMigration } from '../support/migration-names.ts';
import { startPasswordServer } from '../support/password-server.ts';
import { runProgram } from '../support/program.ts';
import { Relay } from '../support/relay.ts';
import { useDatabase } from '../support/use-database.ts';

const database = useDatabase({ per: 'test', replayed: false });
const gracefully = { code: 0, signal: null };

describe('a database that is away', () => {
  test('at the start is waited for, with attempts that are counted; then it sweeps', async () => {
    const silent = await seedDelegation(database, { silentSeconds: 700 });
    await using relay = await Relay.open(database.url);
    await relay.close();
    await using daemon = startDaemon(relay.urlOf(database.url));
    await daemon.until('database.unavailable', ({ attempt }) => attempt === 3);
    const tries = daemon.events('database.unavailable');
    expect(tries.map(({ attempt }) => attempt).slice(0, 3)).toEqual([1, 2, 3]);
    expect(tries[0]!.err).toMatchObject({ code: 'ECONNREFUSED' });
    expect(daemon.events('sweep.completed')).toEqual([]);

    await relay.open();
    expect((await daemon.until('database.recovered')).outageMs).toBeGreaterThan(0);
    expect(await daemon.until('sweep.completed')).toMatchObject({ trigger: 'startup', stuck: 1 });
    expect(daemon.events('delegation.stuck')).toMatchObject([{ delegationId: silent }]);
    expect(daemon.events('database.recovered')).toHaveLength(1);
    daemon.child.kill('SIGTERM');
    expect(await daemon.child.exit).toEqual(gracefully);
  });

  test('later is waited for as well, without an exit', async () => {
    await using relay = await Relay.open(database.url);
    await using daemon = startDaemon(relay.urlOf(database.url), { STUCK_AFTER: '5s' });
    await daemon.until('sweep.completed');
    await relay.close();
    await daemon.until('database.unavailable', ({ attempt }) => attempt === 2);
    await relay.open();
    await daemon.until('database.recovered');
    daemon.child.kill('SIGTERM');
    expect(await daemon.child.exit).toEqual(gracefully);
  });

  test('during a start does not lose the schedule: what began is ended, and the whole start begins again', async () => {
    // pg-boss counts its cron as started before it has made the queue that its ticks go through.
    await database.query('ALTER FUNCTION pgboss.create_queue(text, jsonb) RENAME TO create_queue_away');
    await using daemon = startDaemon(database.url);
    const { err } = await daemon.until('database.refused');
    expect(err).toMatchObject({ code: '42883' });
    expect(daemon.events('database.unavailable')).toEqual([]);
    await database.query('ALTER FUNCTION pgboss.create_queue_away(text, jsonb) RENAME TO create_queue');
    expect(await daemon.until('sweep.completed')).toMatchObject({ trigger: 'startup' });
    await daemon.until('sweep.completed', ({ trigger }) => trigger === 'cron', { timeoutMs: 45_000 });
    daemon.child.kill('SIGTERM');
    expect(await daemon.child.exit).toEqual(gracefully);
  });

  test('does not delay a SIGTERM', async () => {
    await using relay = await Relay.open(database.url);
    await relay.close();
    await using daemon = startDaemon(relay.urlOf(database.url));
    await daemon.until('database.unavailable');
    daemon.child.kill('SIGTERM');
    expect(await daemon.child.exit).toEqual(gracefully);
    expect(daemon.events('daemon.stopped')).toMatchObject([{ reason: 'SIGTERM' }]);
  });
});

test('sslmode=require, about which the driver would warn in plain text, leaves only JSON lines', async () => {
  await using relay = await Relay.open(database.url);
  await using daemon = startDaemon(`${relay.urlOf(database.url)}?sslmode=require`);
  const { err } = await daemon.until('database.refused');
  expect(err.message).toBe('The server does not support SSL connections');
  daemon.child.kill('SIGTERM');
  expect(await daemon.child.exit).toEqual(gracefully);
  expect(daemon.child.stderrLines).toEqual([]);
});

describe('a schema that is missing or older', () => {
  test('leaves the daemon running, and logged, until `migrate up` from elsewhere; no restart', async () => {
    const env = { DB_SCHEMA: 'fresh', PGBOSS_SCHEMA: 'fresh_boss' };
    await using daemon = startDaemon(database.url, env);
    expect(await daemon.until('database.schema_outdated')).toMatchObject({
      component: 'ledger',
      found: null,
      required: newestMigration,
      remedy: expect.stringContaining('migrate up'),
    });
    const { port } = await daemon.until('ops.listening');
    const ready = await fetch(`http://127.0.0.1:${port}/readyz`);
    expect(ready.status).toBe(503);
    expect(await ready.json()).toMatchObject({ ready: false, reasons: [{ reason: 'schema_outdated' }] });
    expect((await fetch(`http://127.0.0.1:${port}/livez`)).status).toBe(200);

    expect(await runProgram(['migrate', 'up'], { DATABASE_URL: database.url, ...env })).toMatchObject({ code: 0 });
    expect(await daemon.until('sweep.completed')).toMatchObject({ trigger: 'startup' });
    expect(daemon.events('daemon.started')).toHaveLength(1);
    daemon.child.kill('SIGTERM');
    expect(await daemon.child.exit).toEqual(gracefully);
  });

  test('of pg-boss is distinguished from one of the ledger', async () => {
    await using daemon = startDaemon(database.url, { PGBOSS_SCHEMA: 'elsewhere' });
    expect(await daemon.until('database.schema_outdated')).toMatchObject({ component: 'pgboss', found: null });
    daemon.child.kill('SIGTERM');
    expect(await daemon.child.exit).toEqual(gracefully);
  });

  test('that is newer than the program is used', async () => {
    await database.query(`INSERT INTO delegation_sweeper_migrations (name, timestamp) VALUES ('9999_future', now())`);
    await using daemon = startDaemon(database.url);
    await daemon.until('sweep.completed');
    expect(daemon.events('database.schema_outdated')).toEqual([]);
  });
});

describe('a password', () => {
  test('is in no line of the log, neither with a server that refuses it nor with one that is away', async () => {
    await using server = await startPasswordServer();
    for (const url of [server.url('hush'), 'postgresql://sweeper:hush@127.0.0.1:1/ledger?password=hush']) {
      await using daemon = startDaemon(url);
      if (url === server.url('hush')) await daemon.until('database.refused');
      else await daemon.until('database.unavailable', ({ attempt }) => attempt === 2);
      daemon.child.kill('SIGTERM');
      expect(await daemon.child.exit).toEqual(gracefully);
      expect([...daemon.child.stdoutLines, ...daemon.child.stderrLines].join('\n')).not.toContain('hush');
    }
    expect(server.passwords).toContain('hush');
  });

  test('that was wrong and is corrected in DATABASE_URL_FILE needs no restart', async () => {
    const dir = await mkdtemp(path.join(tmpdir(), 'test-secret-'));
    try {
      await using server = await startPasswordServer();
      const file = path.join(dir, 'url');
      await writeFile(file, server.url('hush'));
      await using daemon = startDaemon('', { DATABASE_URL: undefined, DATABASE_URL_FILE: file });
      const { err, remedy } = await daemon.until('database.refused');
      expect(err).toMatchObject({ code: '28P01' });
      expect(remedy).toContain('password');
      await writeFile(`${file}.new`, `${database.url}\n`);
      await rename(`${file}.new`, file);
      await daemon.until('sweep.completed');
      expect(daemon.child.stdoutLines.join('\n')).not.toContain('hush');
      daemon.child.kill('SIGTERM');
      expect(await daemon.child.exit).toEqual(gracefully);
    } finally {
      await rm(dir, { recursive: true });
    }
  });
});
