import { existsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { waitFor } from '../support/wait-for.ts';
import { type AuditedActivity, type AuditedRow, audit, type Finding } from './audit.ts';
import { readDiary } from './diary.ts';
import { type Chaos, type Fault, faults } from './faults.ts';
import { Fleet, STUCK_AFTER_MS } from './fleet.ts';
import { Outages, type Stretch } from './outages.ts';
import { Random } from './random.ts';
import { type ChaosReport, type FaultRow, reportRow } from './report.ts';

export interface ChaosOptions {
  readonly seed: number;
  /** How long faults are injected; starting, recovering and the audit come on top. */
  readonly injectMs: number;
  readonly onProgress?: (line: string) => void;
}

/** One injection: when it began, and when the daemons were sweeping again after it. */
export interface Injection extends Stretch {
  readonly fault: Fault;
  /** Why it did not survive. */
  readonly problem: string | null;
}

/** After the end of a fault; finding a dead replica's job alone may take twenty seconds. */
const RECOVERED_WITHIN_MS = 120_000;
const FINISHED_WITHIN_MS = 90_000;

/** Runs the fleet under faults, one after another in a random order, then audits the ledger. */
export async function runChaos({ seed, injectMs, onProgress = () => undefined }: ChaosOptions): Promise<ChaosReport> {
  const startedAt = new Date();
  const random = new Random(seed);
  await using fleet = await Fleet.start(random);
  const chaos: Chaos = { fleet, random, outages: new Outages() };
  const injections: Injection[] = [];
  const endAt = performance.now() + injectMs;
  let deck: Fault[] = [];
  while (performance.now() < endAt) {
    // First the faults that take long.
    if (deck.length === 0) deck = random.shuffled(faults).sort((a, b) => (a.aftermath ? 1 : 0) - (b.aftermath ? 1 : 0));
    const injection = await injectOne(chaos, deck.pop()!);
    injections.push(injection);
    onProgress(
      `${injection.problem ?? 'survived'}: ${injection.fault.name} (${injection.endAt - injection.startAt} ms)`,
    );
    await sleep(random.between(200, 1_500));
  }
  const ended = await Promise.all(injections.map((injection) => withAftermath(chaos, injection)));
  await fleet.finish(FINISHED_WITHIN_MS);
  await nothingInProgress(fleet);
  return judge(chaos, ended, startedAt, seed);
}

async function withAftermath(chaos: Chaos, injection: Injection): Promise<Injection> {
  try {
    await injection.fault.aftermath?.(chaos);
    return injection;
  } catch (err) {
    return { ...injection, problem: injection.problem ?? (err as Error).message };
  }
}

async function injectOne(chaos: Chaos, fault: Fault): Promise<Injection> {
  const startAt = Date.now();
  let problem: string | null = null;
  try {
    await fault.inject(chaos);
    await sweepsAgain(chaos.fleet);
  } catch (err) {
    problem = (err as Error).message;
  }
  return { fault, startAt, endAt: Date.now(), problem };
}

/** A whole sweep has completed since. */
async function sweepsAgain(fleet: Fleet): Promise<void> {
  const since = new Date();
  const swept = () => fleet.query('SELECT FROM sweeper_state WHERE swept_at > $1', [since]).catch(() => []);
  await waitFor('a sweep after the fault', async () => (await swept()).length > 0, { timeoutMs: RECOVERED_WITHIN_MS });
}

/** Silent delegations are found; the audit judges what is left after that. */
async function nothingInProgress(fleet: Fleet): Promise<void> {
  const open = () => fleet.query(`SELECT FROM delegations WHERE status = 'in_progress'`);
  await waitFor('the last delegations', async () => (await open()).length === 0, {
    timeoutMs: STUCK_AFTER_MS + RECOVERED_WITHIN_MS,
  }).catch(() => undefined);
}

async function judge(
  { fleet, outages }: Chaos,
  injections: readonly Injection[],
  startedAt: Date,
  seed: number,
): Promise<ChaosReport> {
  const ms = (column: string) => `(extract(epoch FROM ${column}) * 1000)::float8`;
  const rows = await fleet.query<AuditedRow>(`
    SELECT delegation_id AS id, idempotency_key AS key, status, result_preview AS "resultPreview", error_detail AS "errorDetail",
      ${ms('created_at')} AS "createdAt", ${ms('finished_at')} AS "finishedAt", retry_of AS "retryOf", attempt FROM delegations`);
  const activities = await fleet.query<AuditedActivity>(`
    SELECT delegation_id AS id, event, from_status AS "fromStatus", to_status AS "toStatus", actor, detail, response_body AS "responseBody"
    FROM activity_logs ORDER BY activity_id`);
  const entries = fleet.everyAgent.filter(({ diary }) => existsSync(diary)).flatMap(({ diary }) => readDiary(diary));
  const [sweeps] = await fleet.query<{ count: number; held: number; gaps: number }>(`
    SELECT count(*)::int AS count, count(*) FILTER (WHERE held)::int AS held,
      (SELECT count(*)::int FROM sweeper_gaps) AS gaps FROM sweeper_sweeps`);
  const findings = audit(rows, activities, entries, outages);
  const faultRows = faults.map((fault) =>
    reportRow(
      fault.name,
      injections.filter((injection) => injection.fault === fault),
      rows,
      findings,
    ),
  );
  return {
    seed,
    startedAt: startedAt.toISOString(),
    durationMs: Date.now() - startedAt.getTime(),
    stuckAfterMs: STUCK_AFTER_MS,
    faults: faultRows,
    total: totalOf(faultRows, rows, findings),
    statuses: countBy(rows.map(({ status }) => status)),
    sweeps: sweeps!,
    heartbeatsAccepted: entries.filter(({ did, outcome }) => did === 'heartbeat' && outcome === 'stamped').length,
    lateResults: activities.filter(({ event }) => event === 'delegation.late_result').length,
    a2aResults: entries.filter(({ did }) => did === 'saw').length,
    findings,
    problems: injections.flatMap(({ fault, problem }) => (problem ? [`${fault.name}: ${problem}`] : [])),
  };
}

function totalOf(faultRows: readonly FaultRow[], rows: readonly AuditedRow[], findings: readonly Finding[]): FaultRow {
  const sum = (key: 'injected' | 'survived') => faultRows.reduce((total, row) => total + row[key], 0);
  const all = reportRow('all', [], rows, findings);
  return { ...all, injected: sum('injected'), survived: sum('survived') };
}

function countBy(values: readonly string[]): Record<string, number> {
  return Object.fromEntries([...Map.groupBy(values, (value) => value)].map(([value, list]) => [value, list.length]));
}
