import { existsSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { waitFor } from '../support/wait-for.ts';
import { type AuditedActivity, type AuditedRow, audit } from './audit.ts';
import { readDiary } from './diary.ts';
import type { Chaos, Fault } from './fault.ts';
import { deckOf, faults } from './faults.ts';
import { Fleet, STUCK_AFTER_MS } from './fleet.ts';
import { History } from './history.ts';
import { watchMachine } from './machine-watch.ts';
import type { Stretch } from './outages.ts';
import { Random } from './random.ts';
import { type ChaosReport, type Lives, reportRow, totalOf } from './report.ts';
import type { ServerKind } from './server-programs.ts';

export interface ChaosOptions {
  readonly seed: number;
  readonly server: ServerKind;
  /** How long faults are injected; starting, recovering and the audit come on top. */
  readonly injectMs: number;
  /** Ends the injection; the audit follows. */
  readonly signal?: AbortSignal;
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
const SHORT_MS = 120_000;

/** Runs the fleet under faults, one after another in a random order, then audits the ledger. */
export async function runChaos(options: ChaosOptions): Promise<ChaosReport> {
  const { seed, injectMs, signal, onProgress = () => undefined } = options;
  const startedAt = new Date();
  const random = new Random(seed);
  await using fleet = await Fleet.start(random, options.server);
  const chaos: Chaos = { fleet, random, history: new History(STUCK_AFTER_MS) };
  using _watch = watchMachine(chaos.history);
  const possible = faults.filter((fault) => possibleOn(fleet, fault));
  const injections: Injection[] = [];
  const endAt = performance.now() + injectMs;
  let deck: Fault[] = [];
  while (performance.now() < endAt && !signal?.aborted) {
    if (deck.length === 0) deck = deckOf(possible, random, injectMs < SHORT_MS);
    const injection = await injectOne(chaos, deck.shift()!);
    injections.push(injection);
    onProgress(
      `${injection.problem ?? 'survived'}: ${injection.fault.name} (${injection.endAt - injection.startAt} ms)`,
    );
    await sleep(random.between(200, 1_500));
  }
  const ended = await Promise.all(injections.map((injection) => withAftermath(chaos, injection)));
  await fleet.finish(FINISHED_WITHIN_MS);
  await nothingInProgress(fleet);
  return judge(chaos, ended, startedAt, options);
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

/** A whole sweep has completed since, by the server's clock. */
async function sweepsAgain(fleet: Fleet): Promise<void> {
  let since: Date | undefined;
  const swept = async () => {
    since ??= (await fleet.query<{ now: Date }>('SELECT clock_timestamp() AS now'))[0]!.now;
    return (await fleet.query('SELECT FROM sweeper_state WHERE swept_at > $1', [since])).length > 0;
  };
  await waitFor('a sweep after the fault', () => swept().catch(() => false), { timeoutMs: RECOVERED_WITHIN_MS });
}

/** Silent delegations are found; the audit judges what is left after that. */
async function nothingInProgress(fleet: Fleet): Promise<void> {
  const open = () => fleet.query(`SELECT FROM delegations WHERE status = 'in_progress'`);
  await waitFor('the last delegations', async () => (await open()).length === 0, {
    timeoutMs: STUCK_AFTER_MS + RECOVERED_WITHIN_MS,
  }).catch(() => undefined);
}

async function judge(
  { fleet, history }: Chaos,
  injections: readonly Injection[],
  startedAt: Date,
  { seed, server }: ChaosOptions,
): Promise<ChaosReport> {
  const rows = await fleet.query<AuditedRow>(`
    SELECT delegation_id AS id, callee_id AS callee, idempotency_key AS key, status, result_preview AS "resultPreview",
      error_detail AS "errorDetail", retry_of AS "retryOf", attempt FROM delegations`);
  const machineStartedAt = Date.now() - Number(readFileSync('/proc/uptime', 'utf8').split(' ')[0]) * 1000;
  const activities = await fleet.query<AuditedActivity>(
    `SELECT a.delegation_id AS id, $1 + t.uptime_seconds * 1000 AS at, event, from_status AS "fromStatus",
       to_status AS "toStatus", actor, detail, response_body AS "responseBody"
     FROM activity_logs a JOIN chaos_activity_times t USING (activity_id) ORDER BY a.activity_id`,
    [machineStartedAt],
  );
  const entries = [...fleet.everyAgent.map(({ diary }) => diary), fleet.controlDiary]
    .filter((diary) => existsSync(diary))
    .flatMap((diary) => readDiary(diary))
    .sort((a, b) => a.askedAt - b.askedAt);
  const [sweeps] = await fleet.query<{ count: number; held: number; gaps: number }>(`
    SELECT count(*)::int AS count, count(*) FILTER (WHERE held)::int AS held,
      (SELECT count(*)::int FROM sweeper_gaps) AS gaps FROM sweeper_sweeps`);
  const { findings, lateMs } = audit(rows, activities, entries, history);
  const lives = livesOf(rows, activities);
  const faultRows = faults.map((fault) =>
    reportRow(
      fault.name,
      injections.filter((injection) => injection.fault === fault),
      lives,
      findings,
    ),
  );
  return {
    seeds: [seed],
    servers: [server],
    startedAt: startedAt.toISOString(),
    durationMs: Date.now() - startedAt.getTime(),
    stuckAfterMs: STUCK_AFTER_MS,
    faults: faultRows,
    total: totalOf(faultRows, lives, findings),
    statuses: countBy(rows.map(({ status }) => status)),
    sweeps: sweeps!,
    lateMs,
    heartbeatsAccepted: entries.filter(({ did, outcome }) => did === 'heartbeat' && outcome === 'stamped').length,
    lateResults: activities.filter(({ event }) => event === 'delegation.late_result').length,
    a2aResults: entries.filter(({ did }) => did === 'saw').length,
    notPossible: faults.filter((fault) => !possibleOn(fleet, fault)).map(({ name }) => name),
    findings,
    problems: injections.flatMap(({ fault, problem }) => (problem ? [`${fault.name}: ${problem}`] : [])),
  };
}

const possibleOn = ({ server }: Fleet, { needs }: Fault) => needs === undefined || server.can(needs);

/** From the first activity to the end, by the machine's clock. */
function livesOf(rows: readonly AuditedRow[], activities: readonly AuditedActivity[]): Lives {
  const streamOf = Map.groupBy(activities, ({ id }) => id);
  return new Map(
    rows.map(({ id, status }) => {
      const stream = streamOf.get(id) ?? [];
      const startAt = stream[0]?.at ?? 0;
      const endAt = stream.findLast(({ toStatus }) => toStatus === status && ENDED.has(status))?.at;
      return [id, { startAt, endAt: endAt ?? Number.POSITIVE_INFINITY }];
    }),
  );
}

const ENDED = new Set<string>(['completed', 'failed', 'stuck']);

function countBy(values: readonly string[]): Record<string, number> {
  return Object.fromEntries([...Map.groupBy(values, (value) => value)].map(([value, list]) => [value, list.length]));
}
