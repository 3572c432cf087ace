import { readFile } from 'node:fs/promises';
import { Kysely, PostgresDialect } from 'kysely';
import pg from 'pg';
import { poolConfig } from '../../src/db/connection.ts';
import { createLedgerPool, DelegationLedger } from '../../src/index.ts';
import { createLogger } from '../../src/log/logger.ts';
import { makeAuthority, makeCertificate } from './certificates.ts';
import { Container, type LogLine } from './container.ts';
import type { ImageStore } from './image-build.ts';
import type { Installation } from './installation.ts';
import { MountedSecret } from './mounted-secret.ts';
import { PgBouncer, SERVER_CONNECTIONS_MAX } from './pgbouncer.ts';
import { assert, type Report } from './report.ts';

const PART = 'connections';
/** Somewhat more than a tick of SWEEP_CRON. */
const TICK_MS = 90_000;

const errorOf = (line: LogLine) => line.err as { code: string | null; message: string };

/** TLS that is really verified, a password that changes, and PgBouncer between, each with the image's daemon. */
export async function verifyConnections(report: Report, store: ImageStore, installation: Installation): Promise<void> {
  const check = <T>(name: string, work: () => Promise<T>) => report.check(PART, name, work);
  await check('verify-full refuses a certificate for another host, and takes the right one without a restart', () =>
    wrongHost(store, installation),
  );
  await check('verify-full refuses a certificate of an unknown authority', () => unknownAuthority(store, installation));
  await check('the server refuses a connection without TLS', () => withoutTls(store, installation));
  await check(
    'a password that rotates: sessions cut, the old one refused, the new one read, swept again on the tick',
    () => rotation(store, installation),
  );
  await check('PgBouncer in transaction mode: the daemon sweeps at start and on the tick', () =>
    pooled(store, installation),
  );
}

async function sessions(installation: Installation): Promise<number> {
  return installation.count(`pg_stat_activity WHERE usename = '${installation.on.roles.sweeper}'`);
}

async function wrongHost(store: ImageStore, installation: Installation): Promise<void> {
  const wrong = await makeCertificate(installation.authority, 'elsewhere', 'DNS:elsewhere.example');
  await installation.server.present(wrong);
  await using secret = await MountedSecret.make(await installation.files(installation.url('sweeper')));
  await using container = await Container.start(store, { secret: secret.dir });
  const refusal = await container.waitForEvent(/^database\.refused$/);
  assert(errorOf(refusal).code === 'ERR_TLS_CERT_ALTNAME_INVALID', JSON.stringify(refusal));
  // Sessions of the container before may still be ending.
  await container.waitUntil('no session', async () => (await sessions(installation)) === 0);
  await installation.server.present(installation.certificate);
  await container.waitForStatus('/readyz', 200);
}

async function unknownAuthority(store: ImageStore, installation: Installation): Promise<void> {
  const other = await makeAuthority(store.dir, 'another-authority');
  const files = {
    ...(await installation.files(installation.url('sweeper'))),
    'ca.crt': await readFile(other.cert, 'utf8'),
  };
  await using secret = await MountedSecret.make(files);
  await using container = await Container.start(store, { secret: secret.dir });
  const refusal = await container.waitForEvent(/^database\.refused$/);
  assert(/self.signed|unable to (get|verify)/i.test(errorOf(refusal).message), JSON.stringify(refusal));
  // Sessions of the container before may still be ending.
  await container.waitUntil('no session', async () => (await sessions(installation)) === 0);
}

async function withoutTls(store: ImageStore, installation: Installation): Promise<void> {
  await using secret = await MountedSecret.make({ url: installation.url('sweeper', { query: 'sslmode=disable' }) });
  await using container = await Container.start(store, { secret: secret.dir });
  const refusal = await container.waitForEvent(/^database\.refused$/);
  assert(errorOf(refusal).code === '28000', JSON.stringify(refusal));
}

async function rotation(store: ImageStore, installation: Installation): Promise<void> {
  await using secret = await MountedSecret.make(await installation.files(installation.url('sweeper')));
  await using container = await Container.start(store, { secret: secret.dir });
  await container.waitForStatus('/readyz', 200);
  await installation.setPassword('sweeper');
  await installation.query('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = $1', [
    installation.on.roles.sweeper,
  ]);
  await container.waitForEvent(/^database\.refused$/, (line) => errorOf(line).code === '28P01');
  await secret.replace(await installation.files(installation.url('sweeper')));
  await installation.seed('rotated-', 1, 'stale');
  await container.waitForEvent(/^delegation\.stuck$/, ({ delegationId }) => delegationId === 'rotated-1', TICK_MS);
  // Whichever sweep that was: the schedule, on pg-boss's own connections, goes on as well.
  const { length: before } = container.events(/^sweep\.completed$/);
  await container.waitUntil(
    'a sweep on the tick',
    () =>
      container
        .events(/^sweep\.completed$/)
        .slice(before)
        .some(({ trigger }) => trigger === 'cron'),
    TICK_MS,
  );
  assert(container.events(/^daemon\.started$/).length === 1, 'it was restarted');
}

async function pooled(store: ImageStore, installation: Installation): Promise<void> {
  await using bouncer = await PgBouncer.start(installation);
  await installation.seed('pooled-', 1, 'stale');
  await using secret = await MountedSecret.make(
    await installation.files(installation.url('sweeper', { port: bouncer.port })),
  );
  await using container = await Container.start(store, { secret: secret.dir });
  await container.waitForEvent(/^delegation\.stuck$/, ({ delegationId }) => delegationId === 'pooled-1');
  await container.waitForStatus('/readyz', 200);
  await ledgerThrough(installation, bouncer.port);
  await cancelledThrough(container, installation, bouncer.port);
  await container.waitForEvent(/^sweep\.completed$/, ({ trigger }) => trigger === 'cron', TICK_MS);
  const trouble = container.events(/error|failed$|unavailable|refused$/);
  assert(trouble.length === 0, JSON.stringify(trouble.slice(0, 3)));
  const direct = await sessions(installation);
  assert(direct > 0 && direct <= SERVER_CONNECTIONS_MAX, `${direct} sessions of the sweeper on the server`);
  await container.signal('TERM');
  assert((await container.exit) === 0, container.output);
}

/** A query that a client gave up ends in the server as well: PgBouncer passes the request on, under its own key. */
async function cancelledThrough(container: Container, installation: Installation, port: number): Promise<void> {
  const ca = encodeURIComponent(installation.authority.cert);
  const url = installation.url('writer', { port, query: `sslmode=verify-full&sslrootcert=${ca}` });
  const pool = createLedgerPool(url, { queryTimeoutMs: 1_000 });
  try {
    const message = await pool.query('SELECT pg_sleep(600)').catch((err: Error) => err.message);
    assert(message === 'Query read timeout', String(message));
    const running = `pg_stat_activity WHERE query = 'SELECT pg_sleep(600)' AND state = 'active'`;
    await container.waitUntil('the query to be cancelled', async () => (await installation.count(running)) === 0);
  } finally {
    await pool.end();
  }
}

/** The ledger's library, through the same PgBouncer, more calls at once than there are server connections. */
async function ledgerThrough(installation: Installation, port: number): Promise<void> {
  const ca = encodeURIComponent(installation.authority.cert);
  const url = installation.url('writer', { port, query: `sslmode=verify-full&sslrootcert=${ca}` });
  const pool = new pg.Pool(
    poolConfig({ location: { url }, max: 8, applicationName: 'verify', queryTimeoutMs: 30_000 }),
  );
  const db = new Kysely<object>({ dialect: new PostgresDialect({ pool }) });
  try {
    const logger = createLogger({ level: 'silent', destination: 'stderr' });
    const ledger = new DelegationLedger(db.withSchema(installation.on.ledgerSchema), { logger });
    const ids = Array.from({ length: 40 }, (_, i) => `bouncer-${i}`);
    await using byCaller = ledger.watch({ callerId: 'a' }, { signal: AbortSignal.timeout(TICK_MS) });
    const first = byCaller.next();
    const outcomes = await Promise.all(
      ids.map(async (delegationId) => {
        const { outcome } = await ledger.insert({ delegationId, callerId: 'a', calleeId: 'b', taskPreview: 't' });
        await ledger.setStatus(delegationId, 'in_progress');
        const beats = await ledger.heartbeatMany(ids);
        const { outcome: done } = await ledger.setStatus(delegationId, 'completed', { resultPreview: 'r' });
        const history = await ledger.history(delegationId);
        return `${outcome} ${beats.length} ${done} ${history.length}`;
      }),
    );
    const different = outcomes.filter((outcome) => outcome !== `inserted ${ids.length} changed 3`);
    assert(different.length === 0, different.slice(0, 3).join('; '));
    let ends = 0;
    for await (const _ of ledger.watch(ids, { signal: AbortSignal.timeout(TICK_MS) })) ends += 1;
    assert(ends === ids.length, `a watch of ids told ${ends} of ${ids.length} ends`);
    assert((await first).value?.event === 'delegation.completed', 'a watch of the caller told something else');
  } finally {
    await db.destroy();
  }
}
