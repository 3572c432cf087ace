import { setTimeout as sleep } from 'node:timers/promises';
import { healedOf } from '../../src/housekeeping/reconciliation/reconcile-summary.ts';
import { Reconciliation } from '../../src/housekeeping/reconciliation/reconciliation.ts';
import { Agents, LIVING_PREFIX, livingIds, percentile99 } from '../agents.ts';
import type { Bench } from '../bench.ts';
import { loadInBulk, withoutTriggers } from '../bulk-load.ts';
import { insertFinished, insertFleet, settle } from '../data.ts';
import { type Figure, type Findings, medianFigure } from '../figure.ts';
import type { LedgerDatabase } from '../ledger-database.ts';

const LIVING = 2000;
const QUIET_MS = 10_000;
/** Rows that are behind their activity, in each round. */
const DAMAGED = 20_000;

const silent = { emit() {} };

/**
 * All rows compared with their activity where nothing is wrong, as each night; many rows healed; the longest transaction of
 * these, which is how long a row is locked; and, over a smaller ledger, living agents' heartbeats beside the nightly run.
 */
export async function reconcileScenario(bench: Bench): Promise<Findings> {
  const large = bench.quick ? [] : await compared(bench, 10_000_000, 1);
  return { figures: [...large, ...(await compared(bench, 200_000, 3)), ...(await besideAgents(bench, 200_000, 3))] };
}

async function compared({ template, say }: Bench, rows: number, rounds: number): Promise<Figure[]> {
  await using database = await ledgerOf(template, rows, say);
  const batchesMs: number[] = [];
  const reconciliation = reconciliationOf(database, (ms) => batchesMs.push(ms));
  const [looked, healed]: [number[], number[]] = [[], []];
  let longestMs = 0;
  for (let round = 0; round < rounds; round += 1) {
    say(`reconcile: ${rows / 1000}k rows, round ${round + 1} of ${rounds}`);
    looked.push((rows + LIVING) / (await secondsOf(reconciliation.run, 0)));
    await damage(database);
    batchesMs.length = 0;
    await secondsOf(reconciliation.run, DAMAGED);
    healed.push(DAMAGED / (batchesMs.reduce((sum, ms) => sum + ms, 0) / 1000));
    longestMs = Math.max(longestMs, ...batchesMs);
  }
  const what = `reconcile, ${rows / 1000}k rows with three activities each`;
  return [
    medianFigure(`${what}, nothing wrong`, 'rows/s', looked, { limit: { atLeast: 10_000 } }),
    medianFigure(
      `${what}, ${DAMAGED / 1000}k of them behind their activity: healed, by the time of the statements that heal`,
      'rows/s',
      healed,
      { limit: { atLeast: 200 } },
    ),
    {
      what: `${what}: the longest statement that heals, which keeps its rows locked`,
      unit: 'ms',
      value: longestMs,
      limit: { atMost: 100 },
    },
    {
      what: `${what}: resident memory of the process, its peak`,
      unit: 'MB',
      value: process.resourceUsage().maxRSS / 2 ** 10,
    },
  ];
}

async function besideAgents({ template, say }: Bench, rows: number, rounds: number): Promise<Figure[]> {
  await using database = await ledgerOf(template, rows, say);
  const reconciliation = reconciliationOf(database, () => {});
  const agents = new Agents(database.url, await livingIds(database));
  const nightly: number[] = [];
  try {
    for (let round = 0; round < rounds; round += 1) {
      say(`reconcile: beside agents, round ${round + 1} of ${rounds}`);
      const quietMs = percentile99(await agents.during(() => sleep(QUIET_MS)));
      nightly.push(percentile99(await agents.during(() => secondsOf(reconciliation.nightly, 0))) / quietMs);
    }
  } finally {
    await agents.end();
  }
  return [medianFigure('heartbeat p99, beside the nightly run / quiet', 'x', nightly, { limit: { atMost: 3 } })];
}

function reconciliationOf(database: LedgerDatabase, onHealing: (durationMs: number) => void) {
  const db = database.open({
    max: 1,
    log: ({ query, queryDurationMillis }) => {
      if (query.sql.includes('delegation_reconcile')) onHealing(queryDurationMillis);
    },
  });
  const reconciliation = new Reconciliation(db, silent);
  const { signal } = new AbortController();
  return {
    run: () => reconciliation.run({ trigger: 'manual', signal }),
    nightly: () => reconciliation.run({ trigger: 'cron', signal, restful: true }),
  };
}

async function ledgerOf(template: Bench['template'], rows: number, say: Bench['say']): Promise<LedgerDatabase> {
  const database = await template.copy();
  say(`reconcile: the tables of ${rows / 1000}k rows`);
  await insertFinished(database, rows);
  await insertFleet(database, { rows: LIVING, silentFromSeconds: 0, silentToSeconds: 0, prefix: LIVING_PREFIX });
  await insertActivity(database);
  await settle(database);
  await database.query('VACUUM (ANALYZE) activity_logs');
  return database;
}

/** @throws unless so many were healed. */
async function secondsOf(run: () => ReturnType<Reconciliation['run']>, expected: number): Promise<number> {
  const startedAtMs = performance.now();
  const summary = await run();
  if (healedOf(summary) !== expected) throw new Error(`healed ${JSON.stringify(summary)}, not ${expected}`);
  return (performance.now() - startedAtMs) / 1000;
}

/** Each row's way to its status, in the order of the ids. */
async function insertActivity(database: LedgerDatabase): Promise<void> {
  const sql = `
    INSERT INTO activity_logs (delegation_id, event, from_status, to_status, actor, detail)
    SELECT d.delegation_id, 'delegation.' || step.to_status, step.from_status, step.to_status, 'ledger',
      CASE WHEN step.to_status = 'queued' THEN jsonb_build_object('delegation', jsonb_build_object('callerId', d.caller_id,
        'calleeId', d.callee_id, 'taskPreview', d.task_preview, 'deadline', d.deadline)) ELSE '{}' END
    FROM delegations d CROSS JOIN (VALUES (1, NULL, 'queued'), (2, 'queued', 'in_progress'), (3, 'in_progress', 'completed'))
      step (nr, from_status, to_status)
    WHERE step.to_status <> 'completed' OR d.status = 'completed'
    ORDER BY d.delegation_id, step.nr`;
  await loadInBulk(database, 'activity_logs', [{ sql }]);
}

/** As a restore of older rows leaves them. */
async function damage(database: LedgerDatabase): Promise<void> {
  await withoutTriggers(database, (session) =>
    session.query(
      `UPDATE delegations SET status = 'queued', finished_at = NULL WHERE delegation_id IN (
         SELECT delegation_id FROM delegations WHERE status = 'completed' ORDER BY hashtext(delegation_id) LIMIT $1)`,
      [DAMAGED],
    ),
  );
}
