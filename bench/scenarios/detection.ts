import { setTimeout as sleep } from 'node:timers/promises';
import { MICROS_PER_MS } from '../../src/db/instant.ts';
import { gapsStatement } from '../../src/sweeper/observed-time/statements/gaps.ts';
import { dueAtUs } from '../../src/sweeper/on-time/due.ts';
import { sweeperTables } from '../../src/sweeper/tables.ts';
import type { Bench } from '../bench.ts';
import { Daemon } from '../daemon.ts';
import { insertFleet, settle } from '../data.ts';
import type { Figure, Findings } from '../figure.ts';
import type { LedgerDatabase } from '../ledger-database.ts';

const REPLICAS = 2;
/** One daemon after the other is killed and started again, this far apart. */
const KILLED_EVERY_MS = 12_000;
/** The fleet is heard this often: three times within its threshold, and at least as often as agents are. */
const HEARD_EVERY_MS_MAX = 15_000;
const HEARD_PARTS = 20;
/** After the window: two ticks, which find what is still left. */
const FOUND_WITHIN_MS = 150_000;
const QUANTILES = [0.5, 0.99];

interface Case {
  readonly thresholdMs: number;
  readonly fleet: number;
  readonly onTime: boolean;
}

interface Extent {
  /** Agents that die, evenly over the window. */
  readonly deaths: number;
  readonly windowMs: number;
}

/**
 * How long after it was due a dead agent's delegation is marked, in observed time. Two daemons sweep on the default
 * schedule; one of them after the other is killed and started again all the while, and the fleet goes on being heard.
 */
export async function detectionScenario(bench: Bench): Promise<Findings> {
  const [small, large] = bench.quick ? [200, 5_000] : [1_000, 100_000];
  const extent = bench.quick ? { deaths: 60, windowMs: 30_000 } : { deaths: 240, windowMs: 90_000 };
  const figures: Figure[] = [];
  for (const thresholdMs of [5_000, 30_000, 600_000]) {
    for (const fleet of [small, large]) {
      figures.push(...(await figuresOf(bench, { thresholdMs, fleet, onTime: true }, extent)));
    }
    figures.push(...(await figuresOf(bench, { thresholdMs, fleet: small, onTime: false }, extent)));
  }
  return { figures };
}

/** How late each mark was, and what went on meanwhile. */
interface Detection {
  readonly lateMs: readonly number[];
  /** The longest time from one heartbeat of an agent to the next. */
  readonly heardEveryMs: number;
  /** Sweeps that the storm guard held. */
  readonly held: number;
}

async function figuresOf(bench: Bench, of: Case, extent: Extent): Promise<Figure[]> {
  const name = `${words(of.thresholdMs)}, ${of.fleet} in progress${of.onTime ? '' : ', SWEEP_ON_TIME=false'}`;
  bench.say(`detection: ${name}`);
  const { lateMs, heardEveryMs, held } = await detect(bench, of, extent);
  const sortedMs = lateMs.toSorted((a, b) => a - b);
  const figures = QUANTILES.map((quantile) => ({
    what: `mark minus due, threshold ${name}: p${quantile * 100}`,
    unit: 's',
    value: sortedMs[Math.min(sortedMs.length - 1, Math.floor(sortedMs.length * quantile))]! / 1000,
    ...(of.onTime && quantile === 0.99 && { limit: { atMost: 3 } }),
    note: `each agent heard every ${(heardEveryMs / 1000).toFixed(1)} s at most; ${held} sweeps held`,
  }));
  for (const { what, value, note } of figures) bench.say(`${what} ${value.toFixed(1)} s; ${note}`);
  return figures;
}

async function detect({ template }: Bench, of: Case, extent: Extent): Promise<Detection> {
  await using database = await template.copy();
  await insertFleet(database, { rows: of.fleet, silentFromSeconds: 0, silentToSeconds: 0 });
  await settle(database);
  const heard = new AbortController();
  const hearing = hearFleet(database, of, heard.signal);
  hearing.catch(() => {});
  const env = { STUCK_AFTER: `${of.thresholdMs}ms`, SWEEP_ON_TIME: String(of.onTime) };
  const replicas = new Replicas(database.url, env);
  try {
    await replicas.start();
    await Promise.all([stageDeaths(database, of, extent), replicas.killInTurn(of, extent)]);
    await allMarked(database, replicas);
    heard.abort();
    return { lateMs: await latenesses(database, of), heardEveryMs: await hearing, held: replicas.held };
  } finally {
    heard.abort();
    await hearing.catch(() => {});
    await replicas.stop();
  }
}

/**
 * The living agents, until the signal aborts: a part of them at a time, as if each had its own moment. Returns the longest
 * time from one heartbeat of an agent to its next.
 */
async function hearFleet(database: LedgerDatabase, { thresholdMs, fleet }: Case, signal: AbortSignal): Promise<number> {
  const everyMs = Math.min(HEARD_EVERY_MS_MAX, thresholdMs / 3) / HEARD_PARTS;
  const ids = (await database.query<{ id: string }>(`SELECT delegation_id AS id FROM delegations ORDER BY 1`)).map(
    ({ id }) => id,
  );
  const size = Math.ceil(fleet / HEARD_PARTS);
  const heardAtMs = Array.from({ length: HEARD_PARTS }, () => performance.now());
  let longestMs = 0;
  for (let turn = 0; !signal.aborted; turn += 1) {
    const startedAtMs = performance.now();
    longestMs = Math.max(longestMs, startedAtMs - heardAtMs[turn % HEARD_PARTS]!);
    heardAtMs[turn % HEARD_PARTS] = startedAtMs;
    const from = (turn % HEARD_PARTS) * size;
    await database.query(
      `UPDATE delegations SET last_heartbeat = clock_timestamp()
       WHERE delegation_id BETWEEN $1 AND $2 AND status = 'in_progress' AND callee_id <> 'dead'`,
      [ids[from], ids[Math.min(from + size, ids.length) - 1]],
    );
    const restMs = Math.max(0, everyMs - (performance.now() - startedAtMs));
    await sleep(restMs, undefined, { signal }).catch(() => {});
  }
  return longestMs;
}

/** Two daemons. */
class Replicas {
  readonly #url: string;
  readonly #env: Readonly<Record<string, string>>;
  #daemons: Daemon[] = [];
  readonly #killed: Daemon[] = [];

  constructor(url: string, env: Readonly<Record<string, string>>) {
    this.#url = url;
    this.#env = env;
  }

  async start(): Promise<void> {
    this.#daemons = await Promise.all(Array.from({ length: REPLICAS }, () => Daemon.start(this.#url, this.#env)));
    await Promise.any(this.#daemons.map(({ swept }) => swept));
  }

  /** While rows come due. */
  async killInTurn({ thresholdMs }: Case, { windowMs }: Extent): Promise<void> {
    const untilMs = performance.now() + windowMs + (thresholdMs <= windowMs ? thresholdMs : 0);
    for (let turn = 0; performance.now() < untilMs; turn += 1) {
      await sleep(KILLED_EVERY_MS);
      const at = turn % REPLICAS;
      await this.#daemons[at]!.kill();
      this.#killed.push(this.#daemons[at]!);
      this.#daemons[at] = await Daemon.start(this.#url, this.#env);
    }
  }

  get held(): number {
    return [...this.#killed, ...this.#daemons].reduce((sum, { held }) => sum + held, 0);
  }

  /** @throws when a daemon has ended by itself. */
  check(): void {
    for (const { failure } of this.#daemons) if (failure !== null) throw new Error(failure);
  }

  async stop(): Promise<void> {
    await Promise.all(this.#daemons.map((daemon) => daemon[Symbol.asyncDispose]()));
  }
}

/** Rows that come due evenly over the window: those of a long threshold were last heard before it began. */
async function stageDeaths(
  database: LedgerDatabase,
  { thresholdMs }: Case,
  { deaths, windowMs }: Extent,
): Promise<void> {
  const insert = (number: number, silentMs: number) =>
    database.query(
      `INSERT INTO delegations (delegation_id, caller_id, callee_id, task_preview, status, last_heartbeat, deadline, revision)
       VALUES ('dead-' || $1::int, 'caller', 'dead', 'task', 'in_progress',
         clock_timestamp() - $2::float8 * interval '1 millisecond', clock_timestamp() + interval '4 hours', 1)`,
      [number, silentMs],
    );
  const stepMs = windowMs / deaths;
  if (thresholdMs > windowMs) {
    for (let number = 0; number < deaths; number += 1) await insert(number, thresholdMs - (number + 1) * stepMs);
    return;
  }
  const startedAtMs = performance.now();
  for (let number = 0; number < deaths; number += 1) {
    await sleep(Math.max(0, startedAtMs + number * stepMs - performance.now()));
    await insert(number, 0);
  }
}

async function allMarked(database: LedgerDatabase, replicas: Replicas): Promise<void> {
  const untilMs = performance.now() + FOUND_WITHIN_MS;
  for (;;) {
    replicas.check();
    const [row] = await database.query<{ left: number }>(
      `SELECT count(*)::int AS left FROM delegations WHERE callee_id = 'dead' AND status = 'in_progress'`,
    );
    if (row!.left === 0) return;
    if (performance.now() > untilMs) throw new Error(`${row!.left} dead agents were not found`);
    await sleep(500);
  }
}

/** Of each dead agent, in milliseconds. Fails when a living one was marked. */
async function latenesses(database: LedgerDatabase, { thresholdMs }: Case): Promise<number[]> {
  const rows = await database.query<{ callee: string; heard: number; marked: number }>(
    `SELECT callee_id AS callee, (extract(epoch FROM last_heartbeat) * 1000000)::float8 AS heard,
       (extract(epoch FROM finished_at) * 1000000)::float8 AS marked FROM delegations WHERE status = 'stuck'`,
  );
  const living = rows.filter(({ callee }) => callee !== 'dead').length;
  if (living > 0) throw new Error(`${living} living agents were marked: the machine was too slow to let them be heard`);
  const [{ gaps }] = (await gapsStatement(sweeperTables(database.db)).run(database.db, {})) as [
    { gaps: Parameters<typeof dueAtUs>[2] },
  ];
  return rows.map(({ heard, marked }) => (marked - dueAtUs(heard, thresholdMs, gaps)) / MICROS_PER_MS);
}

function words(ms: number): string {
  return ms < 60_000 ? `${ms / 1000} s` : `${ms / 60_000} min`;
}
