import { Container, runToEnd } from './container.ts';
import type { ImageStore } from './image-build.ts';
import type { Installation } from './installation.ts';
import { MountedSecret } from './mounted-secret.ts';
import { assert, type Report } from './report.ts';

const PART = 'image';
/** Enough that a sweep of them is still going on when it is interrupted. */
const MANY_ROWS = 60_000;
const GRACE_MS = 25_000;
const MEMORY_LIMIT_MI = 384;

/** Part 2: what the image holds, and how its container works with PostgreSQL over TLS. */
export async function verifyImage(report: Report, store: ImageStore, installation: Installation): Promise<void> {
  const check = <T>(name: string, work: () => Promise<T>) => report.check(PART, name, work);
  await check('holds what was built and nothing else: no node_modules, no demo, no embedded server, no npm', () =>
    contents(store),
  );
  await check('a container without a database says so and exits 78', async () => {
    const { code, output } = await runToEnd(store, {});
    assert(code === 78 && /DATABASE_URL: not set/.test(output), `${code}: ${output}`);
  });
  await check('sslmode=no-verify is refused before anything starts', async () => {
    await using secret = await MountedSecret.make({ url: installation.url('sweeper', { query: 'sslmode=no-verify' }) });
    const { code, output } = await runToEnd(store, { secret: secret.dir });
    assert(code === 78 && /no-verify/.test(output), `${code}: ${output}`);
  });
  await check('before the migration it lives, is not ready and says why; SIGTERM ends it with 0', () =>
    unmigrated(store, installation),
  );
  await check('the migration Job: migrate up as the migrator', () => installation.migrate());
  await check('with the database away it lives, is not ready, and needs no tmpfs', () =>
    databaseAway(store, installation),
  );
  await check('a real sweep: ready, one stuck, one failed, every session over TLS', () =>
    realSweep(store, installation),
  );
  await check('SIGTERM during a sweep: exit 0 in time, nothing half done, the next one finishes', () =>
    interrupted(store, installation),
  );
}

async function contents(store: ImageStore): Promise<void> {
  const script = `
    const fs = require('node:fs');
    const found = fs.readdirSync('/app').sort();
    const sources = fs.readdirSync('/app/dist', { recursive: true }).filter((file) => /demo|embedded|[.]ts$/.test(file) && !file.endsWith('.d.ts'));
    const npm = ['/usr/local/bin/npm', '/usr/local/lib/node_modules'].filter((file) => fs.existsSync(file));
    let written = 'refused';
    try { fs.writeFileSync('/app/x', ''); written = '/app/x' } catch {}
    console.log(JSON.stringify({ found, sources, npm, written, uid: process.getuid(), env: process.env.NODE_ENV }));`;
  const { code, output } = await runToEnd(store, { flags: ['--entrypoint', '["node","-e"]'], args: [script] });
  const expected = {
    found: ['dist', 'package.json'],
    sources: [],
    npm: [],
    written: 'refused',
    uid: 1000,
    env: 'production',
  };
  assert(code === 0 && output === JSON.stringify(expected), output);
}

async function unmigrated(store: ImageStore, installation: Installation): Promise<void> {
  await using secret = await MountedSecret.make(await installation.files(installation.url('sweeper')));
  await using container = await Container.start(store, { secret: secret.dir });
  await container.waitForStatus('/livez', 200);
  await container.waitForEvent(/^database\.(schema_outdated|unavailable)$/);
  assert((await container.get('/readyz')).status === 503, 'it is ready');
  await container.signal('TERM');
  const code = await container.exit;
  assert(code === 0, `exit ${code}: ${container.output}`);
}

async function databaseAway(store: ImageStore, installation: Installation): Promise<void> {
  const nobody = installation.url('sweeper', { port: 1 });
  await using secret = await MountedSecret.make(await installation.files(nobody));
  // Kubernetes gives no /tmp to a read-only root: podman's is taken away as well.
  await using container = await Container.start(store, { secret: secret.dir, flags: ['--read-only-tmpfs=false'] });
  await container.waitForStatus('/livez', 200);
  await container.waitForEvent(/^database\.unavailable$/);
  const body = await container.waitForStatus('/readyz', 503);
  assert(/database_unreachable/.test(body), body);
  // The mounted URL is read again: the database is found without a restart.
  await secret.replace(await installation.files(installation.url('sweeper')));
  await container.waitForEvent(/^database\.recovered$/);
  await container.waitForStatus('/readyz', 200);
  await container.signal('TERM');
  const code = await container.exit;
  assert(code === 0, `exit ${code}: ${container.output}`);
}

async function realSweep(store: ImageStore, installation: Installation): Promise<void> {
  await installation.seed('silent-', 1, 'stale');
  await installation.seed('late-', 1, 'overdue');
  await using secret = await MountedSecret.make(await installation.files(installation.url('sweeper')));
  await using container = await Container.start(store, { secret: secret.dir });
  await container.waitForEvent(/^delegation\.stuck$/, ({ delegationId }) => delegationId === 'silent-1');
  await container.waitForEvent(/^delegation\.deadline_exceeded$/, ({ delegationId }) => delegationId === 'late-1');
  await container.waitForStatus('/readyz', 200);
  const sessions = await installation.query<{ ssl: boolean; version: string }>(
    `SELECT ssl, version FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE usename = $1`,
    [installation.on.roles.sweeper],
  );
  assert(sessions.length > 0 && sessions.every(({ ssl }) => ssl), JSON.stringify(sessions));
  const rows = await installation.query<{ status: string }>(
    `SELECT status FROM delegations WHERE delegation_id IN ('silent-1', 'late-1') ORDER BY status`,
  );
  assert(rows.map(({ status }) => status).join() === 'failed,stuck', JSON.stringify(rows));
  await container.signal('TERM');
  assert((await container.exit) === 0, container.output);
}

async function interrupted(store: ImageStore, installation: Installation): Promise<void> {
  await installation.seed('many-', MANY_ROWS, 'overdue');
  const failed = `delegations WHERE delegation_id LIKE 'many-%' AND status = 'failed'`;
  await using secret = await MountedSecret.make(await installation.files(installation.url('sweeper')));
  const options = {
    secret: secret.dir,
    env: { SWEEP_BATCH_SIZE: '200', SWEEP_MAX_ROWS: '1000000', LOG_LEVEL: 'info' },
  };
  {
    await using container = await Container.start(store, options);
    await container.waitUntil('the sweep to be under way', async () => (await installation.count(failed)) > 0);
    const startedAtMs = performance.now();
    await container.signal('TERM');
    const code = await container.exit;
    const durationMs = performance.now() - startedAtMs;
    assert(code === 0, `exit ${code}: ${container.output.slice(-500)}`);
    assert(durationMs < GRACE_MS, `it took ${durationMs} ms`);
  }
  const marked = await installation.count(failed);
  assert(marked < MANY_ROWS, 'the sweep had ended before the signal: nothing was proven');
  const recorded = await installation.count(
    `activity_logs WHERE delegation_id LIKE 'many-%' AND event = 'delegation.failed'`,
  );
  assert(recorded === marked, `${marked} rows, ${recorded} activities`);
  await using next = await Container.start(store, { ...options, env: { ...options.env, SWEEP_BATCH_SIZE: '1000' } });
  await next.waitUntil('the rest to be marked', async () => (await installation.count(failed)) === MANY_ROWS, 120_000);
  const peakMi = await next.peakMemoryMi();
  assert(peakMi < MEMORY_LIMIT_MI, `${peakMi} MiB resident`);
  await next.signal('TERM');
  assert((await next.exit) === 0, next.output.slice(-500));
}
