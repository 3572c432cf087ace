import { setTimeout as sleep } from 'node:timers/promises';
import { healedOf } from '../../src/housekeeping/reconciliation/reconcile-summary.ts';
import { Reconciliation } from '../../src/housekeeping/reconciliation/reconciliation.ts';
import { Agents, LIVING_PREFIX, livingIds, percentile99 } from '../agents.ts';
import type { Bench } from '../bench.ts';
import { insertFinished, insertFleet, settle } from '../data.ts';
import { type Findings, medianFigure } from '../figure.ts';
import type { LedgerDatabase } from '../ledger-database.ts';

const LIVING = 2000;
const QUIET_MS = 10_000;
/** Rows that are behind their activity, in each round. */
const DAMAGED = 20_000;

const silent = { emit() {} };

/**
 * All rows compared with their activity where nothing is wrong, as each night; many rows healed; the longest transaction of
 * these, which is how long a row is locked; and living agents' heartbeats beside both.
 */
export async function reconcileScenario({ template, quick, say }: Bench): Promise<Findings> {
  const [rows, rounds] = quick ? [200_000, 3] : [10_000_000, 1];
  await using database = await template.copy();
  say('reconcile: the tables');
  await insertFinished(database, rows);
  await insertFleet(database, { rows: LIVING, silentFromSeconds: 0, silentToSeconds: 0, prefix: LIVING_PREFIX });
  await insertActivity(database);
  await settle(database);
  await database.query('VACUUM (ANALYZE) activity_logs');
  const batchesMs: number[] = [];
  let longestMs = 0;
  const db = database.open({
    max: 1,
    log: ({ query, queryDurationMillis }) => {
      if (query.sql.includes('delegation_reconcile')) batchesMs.push(queryDurationMillis);
    },
  });
  const reconciliation = new Reconciliation(db, silent);
  const { signal } = new AbortController();
  const run = () => reconciliation.run({ trigger: 'manual', signal });
  const restfully = () => reconciliation.run({ trigger: 'cron', signal, restful: true });
  const agents = new Agents(database.url, await livingIds(database));
  const [looked, healed, nightly]: [number[], number[], number[]] = [[], [], []];
  try {
    const quietMs = percentile99(await agents.during(() => sleep(QUIET_MS)));
    for (let round = 0; round < rounds; round += 1) {
      say(`reconcile: round ${round + 1} of ${rounds}`);
      looked.push((rows + LIVING) / (await secondsOf(run, 0)));
      nightly.push(percentile99(await agents.during(() => secondsOf(restfully, 0))) / quietMs);
      await damage(database);
      batchesMs.length = 0;
      await secondsOf(run, DAMAGED);
      healed.push(DAMAGED / (batchesMs.reduce((sum, ms) => sum + ms, 0) / 1000));
      longestMs = Math.max(longestMs, ...batchesMs);
    }
    return {
      figures: [
        medianFigure(`reconcile, ${rows / 1000}k rows with three activities each, nothing wrong`, 'rows/s', looked, {
          limit: { atLeast: 10_000 },
        }),
        medianFigure(
          `the same with ${DAMAGED / 1000}k rows behind their activity: healed, by the time of the statements that heal`,
          'rows/s',
          healed,
          {
            limit: { atLeast: 200 },
          },
        ),
        {
          what: 'the longest statement that heals, which keeps its rows locked',
          unit: 'ms',
          value: longestMs,
          limit: { atMost: 100 },
        },
        medianFigure('heartbeat p99, beside the nightly run / quiet', 'x', nightly, { limit: { atMost: 3 } }),
        {
          what: 'resident memory of the process, its peak',
          unit: 'MB',
          value: process.resourceUsage().maxRSS / 2 ** 10,
        },
      ],
    };
  } finally {
    await agents.end();
  }
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
  await database.query(`
    INSERT INTO activity_logs (delegation_id, event, from_status, to_status, actor, detail)
    SELECT d.delegation_id, 'delegation.' || step.to_status, step.from_status, step.to_status, 'ledger',
      CASE WHEN step.to_status = 'queued' THEN jsonb_build_object('delegation', jsonb_build_object('callerId', d.caller_id,
        'calleeId', d.callee_id, 'taskPreview', d.task_preview, 'deadline', d.deadline)) ELSE '{}' END
    FROM delegations d CROSS JOIN (VALUES (1, NULL, 'queued'), (2, 'queued', 'in_progress'), (3, 'in_progress', 'completed'))
      step (nr, from_status, to_status)
    WHERE step.to_status <> 'completed' OR d.status = 'completed'
    ORDER BY d.delegation_id, step.nr`);
}

/** As a restore of older rows leaves them. */
async function damage(database: LedgerDatabase): Promise<void> {
  const session = await database.pool.connect();
  await session.query('SET session_replication_role = replica');
  await session.query(
    `UPDATE delegations SET status = 'queued', finished_at = NULL WHERE delegation_id IN (
       SELECT delegation_id FROM delegations WHERE status = 'completed' ORDER BY hashtext(delegation_id) LIMIT $1)`,
    [DAMAGED],
  );
  session.release(true);
}
