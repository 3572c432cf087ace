import { migrateUp } from '../../src/ledger/migrate-up.ts';
import type { Bench } from '../bench.ts';
import { loadInBulk } from '../bulk-load.ts';
import type { Findings } from '../figure.ts';
import { chunksOf } from '../heartbeating.ts';
import type { LedgerDatabase } from '../ledger-database.ts';
import { createOldLedger, OLD_SCHEMA, oldLedgerOf } from '../old-ledger.ts';
import { type SeenWaits, seenWaits } from '../seen-waits.ts';

const AGENTS = 4;
const AGENTS_NAME = 'bench-agents';
const IN_PROGRESS = 100_000;

/** Agents of 0.1.0 at work on a large ledger of 0.1.0 while it is brought up to date. */
export async function migrateUpScenario(bench: Bench): Promise<Findings> {
  const rows = bench.quick ? 300_000 : 10_000_000;
  await using database = await createOldLedger(bench.server, 'migrate_up');
  bench.say(`migrate-up: ${rows.toLocaleString('en')} rows`);
  await fill(database, rows);
  const before = await longestWaits(database, async (worked) => {
    while (worked() < 2000) await new Promise((resolve) => setTimeout(resolve, 10));
  });
  bench.say('migrate-up: migrating');
  let durationMs = 0;
  let seen: SeenWaits | undefined;
  const during = await longestWaits(database, async () => {
    const startedAtMs = performance.now();
    // The migrator names the schema itself; the database's own Kysely would put another before it.
    seen = await seenWaits(database, AGENTS_NAME, async () => {
      await migrateUp(database.db.withoutPlugins(), OLD_SCHEMA);
    });
    durationMs = performance.now() - startedAtMs;
  });
  const { lockMs, longestMs, longestFor } = seen!;
  const size = `${(rows / 1_000_000).toLocaleString('en')}M rows`;
  return {
    figures: [
      {
        what: `longest wait of a heartbeat during migrate up, ${size}`,
        value: during.heartbeatMs,
        unit: 'ms',
        limit: { atMost: 1000 },
        note: `${AGENTS} agents of 0.1.0, ${during.worked.toLocaleString('en')} statements of theirs meanwhile`,
      },
      {
        what: 'longest wait of a transition meanwhile',
        value: during.transitionMs,
        unit: 'ms',
        limit: { atMost: 1000 },
      },
      {
        what: 'of a statement that was seen to wait for a lock',
        value: lockMs,
        unit: 'ms',
        note: `looked at 20 times a second; the longest seen of all had run ${Math.round(longestMs)} ms and waited for ${longestFor}`,
      },
      { what: 'longest wait of a heartbeat before it', value: before.heartbeatMs, unit: 'ms' },
      { what: 'statements that failed meanwhile', value: during.failed, unit: '', limit: { atMost: 0 } },
      { what: 'migrate up took', value: durationMs / 1000, unit: 's' },
    ],
  };
}

interface Waits {
  readonly heartbeatMs: number;
  readonly transitionMs: number;
  readonly worked: number;
  readonly failed: number;
}

/** Agents heartbeat, begin and end delegations of their own until the work is done. */
async function longestWaits(database: LedgerDatabase, work: (worked: () => number) => Promise<void>): Promise<Waits> {
  const db = database.open({ max: AGENTS, startup: `-c application_name=${AGENTS_NAME}` });
  const ledger = oldLedgerOf(db.withSchema(OLD_SCHEMA), 0.001);
  const ids = (
    await database.query<{ id: string }>(
      `SELECT delegation_id AS id FROM old.delegations WHERE status = 'in_progress' ORDER BY md5(delegation_id)`,
    )
  ).map(({ id }) => id);
  const waits = { heartbeatMs: 0, transitionMs: 0, worked: 0, failed: 0 };
  let done = false;
  const timed = async (kind: 'heartbeatMs' | 'transitionMs', call: () => Promise<{ outcome: string }>) => {
    const startedAtMs = performance.now();
    const outcome = await call().then(
      (result) => result.outcome,
      () => 'failed',
    );
    waits[kind] = Math.max(waits[kind], performance.now() - startedAtMs);
    waits.worked += 1;
    if (!['stamped', 'inserted', 'changed'].includes(outcome)) waits.failed += 1;
  };
  const agent = async (own: readonly string[], name: number) => {
    for (let i = 0; !done; i += 1) {
      await timed('heartbeatMs', () => ledger.heartbeat(own[i % own.length]!));
      if (i % 10 !== 0) continue;
      const delegationId = `life-${name}-${i}-${performance.now()}`;
      const delegation = { delegationId, callerId: 'caller', calleeId: 'callee', taskPreview: 'task' };
      await timed('transitionMs', () => ledger.insert(delegation));
      await timed('transitionMs', () => ledger.setStatus(delegationId, 'in_progress'));
      await timed('transitionMs', () => ledger.setStatus(delegationId, 'completed'));
    }
  };
  const agents = chunksOf(ids, Math.ceil(ids.length / AGENTS)).map(agent);
  try {
    await work(() => waits.worked);
  } finally {
    done = true;
    await Promise.all(agents);
  }
  return waits;
}

/** Finished work, and a fleet in progress. */
async function fill(database: LedgerDatabase, rows: number): Promise<void> {
  const fleet = Math.min(IN_PROGRESS, rows / 10);
  const half = Math.ceil(rows / 2);
  const sql = `
    INSERT INTO old.delegations (delegation_id, caller_id, callee_id, task_preview, status, last_heartbeat, deadline,
      finished_at, result_preview, created_at, updated_at)
    SELECT 'row-' || lpad(i::text, 11, '0') || '-7f1e-8d2a-0242ac12', 'caller-' || i % 100, 'callee-' || i % 1000,
      repeat('x', 160), CASE WHEN i > $3 THEN 'completed' ELSE 'in_progress' END, t, t + interval '6 hours',
      CASE WHEN i > $3 THEN t END, CASE WHEN i > $3 THEN 'done' END, t, t
    FROM generate_series($1::int, $2::int) i, LATERAL (SELECT clock_timestamp() AS t) at`;
  // Two sessions, two cores.
  await loadInBulk(database, 'old.delegations', [
    { sql, parameters: [1, half, fleet] },
    { sql, parameters: [half + 1, rows, fleet] },
  ]);
  await database.query('VACUUM (ANALYZE) old.delegations');
}
