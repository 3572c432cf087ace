import type { Kysely } from 'kysely';
import { schemaVersion } from '../../src/db/migrator.ts';
import type { Database } from '../../src/db/schema.ts';
import { migrateUp } from '../../src/ledger/migrate-up.ts';
import { StatusReader } from '../../src/sweeper/status/status-reader.ts';
import { seedDelegation, testLedger, testSweeper } from './fixtures.ts';
import { leaveBeat } from './leave-beat.ts';
import type { Queryable } from './wait-for.ts';

const AWKWARD = `O'Neil \\ "quoted" \\n ← ünï {NULL} 1/2/2026`;

/**
 * Everything that the ledger and the sweeper do, once, through `db`, on an empty ledger. Returns the answers, with
 * what differs from run to run replaced, so that two runs under different settings can be compared.
 */
export async function conformancePass(database: Queryable, db: Kysely<Database>): Promise<unknown> {
  return {
    ...(await workingPass(database, db)),
    migrations: { version: await schemaVersion(db, 'public'), applied: await migrateUp(db, 'public') },
  };
}

/** The same without the migrations. */
export async function workingPass(database: Queryable, db: Kysely<Database>): Promise<object> {
  return {
    ledger: await ledgerPass(database, db),
    sweeper: await sweeperPass(database, db),
    status: await statusPass(db),
  };
}

async function ledgerPass(database: Queryable, db: Kysely<Database>): Promise<unknown> {
  const { ledger, lines } = testLedger(db);
  const delegation = { delegationId: 'one', callerId: 'caller', calleeId: 'callee', taskPreview: AWKWARD };
  const withKey = { ...delegation, idempotencyKey: AWKWARD, requestBody: { text: AWKWARD, at: 0.1 } };
  const answers: unknown[] = [
    await ledger.insert(withKey),
    await ledger.insert({ ...withKey, delegationId: 'two' }),
    await ledger.insert({ ...delegation, delegationId: 'dated', deadline: new Date(Date.now() + 3_600_123) }),
    await ledger.setStatus('one', 'dispatched'),
    await ledger.setStatus('one', 'in_progress'),
    await ledger.heartbeat('one'),
    await ledger.heartbeat('nobody'),
  ];
  await database.query(
    `UPDATE delegations SET last_heartbeat = now() - interval '90 seconds' WHERE delegation_id = 'one'`,
  );
  answers.push(await ledger.heartbeat('one'));
  await database.query(
    `UPDATE delegations SET last_heartbeat = now() - interval '90 seconds' WHERE delegation_id = 'one'`,
  );
  answers.push(await ledger.heartbeatMany(['one', 'dated', 'nobody']));
  answers.push(await ledger.get('one'), span(await ledger.get('one')), await ledger.get('dated'));
  answers.push(await ledger.setStatus('one', 'completed', { resultPreview: AWKWARD, responseBody: { text: AWKWARD } }));
  answers.push(await ledger.setStatus('one', 'failed', { errorDetail: AWKWARD }));
  answers.push(await ledger.setStatus('nobody', 'completed', { resultPreview: 'lost' }));
  answers.push(await ledger.get('one'), await ledger.history('one'));
  return alike({ answers, logged: lines.map(({ event }) => event) });
}

/** Durations between instants that the database computed. */
function span(row: { createdAt: Date; deadline: Date } | null): number {
  return row === null ? Number.NaN : row.deadline.getTime() - row.createdAt.getTime();
}

async function sweeperPass(database: Queryable, db: Kysely<Database>): Promise<unknown> {
  await seedDelegation(database, { delegationId: 'silent', silentSeconds: 700.123456 });
  await seedDelegation(database, { delegationId: 'alive', silentSeconds: 30 });
  await seedDelegation(database, { delegationId: 'overdue', status: 'queued', deadlineSeconds: -5.5 });
  const beats = [await leaveBeat(db)];
  const wary = testSweeper(db, { storm: { minStale: 1, ratio: 0.01, maxHoldMs: 60_000 } });
  const stormy = await wary.sweeper.dryRun();
  const { sweeper, lines } = testSweeper(db);
  const planned = await sweeper.dryRun();
  // The error detail has whole seconds: on a slow machine those of the dry runs would have become 701.
  await database.query(`UPDATE delegations SET last_heartbeat = clock_timestamp() - interval '700.123456 seconds'
    WHERE delegation_id = 'silent'`);
  const swept = await sweeper.sweep({ trigger: 'manual' });
  await database.query(`UPDATE sweeper_state SET beat_at = now() - interval '1 hour'`);
  beats.push(await leaveBeat(db));
  const rows = await database.query(
    'SELECT delegation_id, status, error_detail FROM delegations ORDER BY delegation_id',
  );
  const gapsLogged = beats.flatMap(({ events }) => events('sweep.unobserved'));
  return alike({ stormy, planned, swept, rows, lines, gapsLogged });
}

async function statusPass(db: Kysely<Database>): Promise<unknown> {
  const cron = { expression: '* * * * *', timezone: 'UTC' };
  const reader = new StatusReader(db, { cron, stuckAfterMs: 600_000, stormMaxHoldMs: 60_000 });
  return alike({
    punctuality: await reader.punctuality(),
    status: await reader.status(),
    census: await reader.census(),
    history: await reader.history(),
  });
}

/** Names of measured values, which differ from run to run. */
const measured =
  /^(durationMs|durationMaxMs|skewMs|silenceMs|overdueMs|silentMs|oldestSilenceMs|latenessMs|heldForMs|releasesInMs|unobservedMs|gapMs|time|sweepId|epoch)$/;

/** Valid recent instants become one word, measured values another; everything else stays. */
function alike(value: unknown, key = ''): unknown {
  if (value instanceof Date) return isOfTheseDays(value) ? 'an instant' : `the instant ${String(value)}`;
  if (Array.isArray(value)) return value.map((element) => alike(element));
  if (typeof value === 'object' && value !== null)
    return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, alike(part, name)]));
  if (typeof value === 'string' && /^\d{4}-\d\d-\d\dT[\d:.]+(Z|[+-][\d:]+)$/.test(value))
    return isOfTheseDays(new Date(value)) ? 'an instant' : value;
  if (measured.test(key)) return typeof value === 'number' && Number.isFinite(value) ? 'a number' : typeof value;
  return value;
}

const DAY_MS = 86_400_000;

function isOfTheseDays(date: Date): boolean {
  return Math.abs(date.getTime() - Date.now()) < DAY_MS;
}
