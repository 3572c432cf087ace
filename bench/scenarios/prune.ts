import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { PruneSummary } from '../../src/housekeeping/retention/prune-summary.ts';
import { Pruner } from '../../src/housekeeping/retention/pruner.ts';
import { Agents, LIVING_PREFIX, livingIds, percentile99 } from '../agents.ts';
import type { Bench } from '../bench.ts';
import { insertFinished, insertFleet, settle } from '../data.ts';
import { type Figure, type Findings, median, medianFigure } from '../figure.ts';
import type { LedgerDatabase } from '../ledger-database.ts';
import { LogFile } from '../sink.ts';

const LIVING = 2000;
/** Rows of activity of each delegation that has ended. */
const ACTIVITIES = 4;
const HOUR_MS = 3_600_000;
const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url));

/**
 * Living agents beside a prune, on the same cores: how long their heartbeats take, compared with a quiet time of the same
 * round; how much it removes meanwhile; and how long its batches hold their locks.
 */
export async function pruneScenario({ template, quick, say }: Bench): Promise<Findings> {
  const [rows, rounds, roundMs] = quick ? [250_000, 2, 4_000] : [1_000_000, 5, 12_000];
  await using database = await template.copy();
  say('prune: the tables');
  await insertFinished(database, rows);
  await insertActivity(database);
  await insertFleet(database, { rows: LIVING, silentFromSeconds: 0, silentToSeconds: 0, prefix: LIVING_PREFIX });
  await settle(database);
  const agents = new Agents(database.url, await livingIds(database));
  const quiet: number[] = [];
  const beside: number[] = [];
  const perSecond: number[] = [];
  try {
    for (let round = 0; round < rounds; round += 1) {
      say(`prune: round ${round + 1} of ${rounds}`);
      quiet.push(percentile99(await agents.during(() => sleep(roundMs))));
      const prune = await beginPrune(database);
      beside.push(percentile99(await agents.during(() => sleep(roundMs))));
      const { delegations, activity, durationMs, interrupted } = await prune.interrupt();
      if (!interrupted) throw new Error('there was not enough to remove');
      perSecond.push((delegations + activity) / (durationMs / 1000));
    }
  } finally {
    await agents.end();
  }
  return { figures: [...figuresOf(quiet, beside, perSecond), ...(await batches(database, roundMs))] };
}

function figuresOf(quiet: readonly number[], beside: readonly number[], perSecond: readonly number[]): Figure[] {
  const ratios = beside.map((ms, round) => ms / quiet[round]!);
  return [
    medianFigure('rows removed, delegations and activity, beside living agents', 'a second', perSecond),
    medianFigure('heartbeat, quiet, p99', 'ms', quiet),
    medianFigure('heartbeat, beside a prune, p99', 'ms', beside),
    medianFigure('heartbeat p99, beside a prune / quiet', 'x', ratios, { limit: { atMost: 1.5 } }),
  ];
}

/** How long a batch takes, from sending to answer, which is how long its locks are held. */
async function batches(database: LedgerDatabase, endAfterMs: number): Promise<Figure[]> {
  const tookMs: number[] = [];
  const db = database.open({
    max: 1,
    log: ({ query, queryDurationMillis }) => {
      if (query.sql.includes('forgotten AS')) tookMs.push(queryDurationMillis);
    },
  });
  using sink = new LogFile();
  const pruner = new Pruner(db, sink.log);
  const cutoffs = await pruner.cutoffs({ delegationsMs: HOUR_MS, activityMs: null });
  await pruner.prune(cutoffs, { trigger: 'manual', signal: new AbortController().signal, endAfterMs });
  return [
    { what: 'one batch, median', unit: 'ms', value: median(tookMs) },
    { what: 'one batch, p99', unit: 'ms', value: percentile99(tookMs), limit: { atMost: 100 } },
  ];
}

async function insertActivity(database: LedgerDatabase): Promise<void> {
  await database.query(
    `INSERT INTO activity_logs (delegation_id, event, to_status, actor, created_at)
     SELECT d.delegation_id, 'delegation.' || s.status, s.status, 'ledger', d.created_at
     FROM delegations d, unnest('{queued,dispatched,in_progress,completed}'::text[]) WITH ORDINALITY s (status, step)
     WHERE s.step <= $1 ORDER BY d.delegation_id, s.step`,
    [ACTIVITIES],
  );
  await database.query('VACUUM (ANALYZE) activity_logs');
}

/** The command, in a process of its own, once it has begun to remove: what it logs first is its progress, after five seconds. */
async function beginPrune(database: LedgerDatabase): Promise<{ interrupt(): Promise<PruneSummary> }> {
  const child = spawn(process.execPath, [MAIN, 'prune', '--yes', '--json'], {
    env: { PATH: process.env.PATH, DATABASE_URL: database.url, RETENTION_DELEGATIONS: '1h' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const answer = text(child.stdout);
  await once(child.stderr, 'data');
  child.stderr.resume();
  return {
    async interrupt() {
      child.kill('SIGINT');
      return JSON.parse(await answer) as PruneSummary;
    },
  };
}
