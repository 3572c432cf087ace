import { Kysely, PostgresDialect, sql } from 'kysely';
import type pg from 'pg';
import { setNode } from '../../src/db/node/nodes.ts';
import type { Shards } from '../../src/db/node/on-node.ts';
import type { Database, LedgerDb } from '../../src/db/schema.ts';
import type { Activity } from '../../src/ledger/activity.ts';
import type { Status } from '../../src/ledger/transitions.ts';
import { createEventLog } from '../../src/log/event-log.ts';
import { createLogger } from '../../src/log/logger.ts';
import { OperatorHolds } from '../../src/sweeper/hold/operator-holds.ts';
import { Beat } from '../../src/sweeper/observed-time/beat.ts';
import type { StormOptions } from '../../src/sweeper/storm/storm-guard.ts';
import type { SweepSummary } from '../../src/sweeper/summary.ts';
import { Sweeper } from '../../src/sweeper/sweeper.ts';
import type { SweeperOptions } from '../../src/sweeper/sweeper-options.ts';
import { deleteRows } from '../support/delete-rows.ts';
import type { Queryable } from '../support/wait-for.ts';
import { type Face, functionsFace, halfTickMore, TICK_MS } from './face.ts';
import { libraryFace } from './library-face.ts';
import { edited, type Mutation } from './mutation.ts';
import { type Concurrent, type Hold, SESSIONS, type Tick, type Turn } from './operation.ts';
import { STUCK_AFTER_TICKS } from './reference-ledger.ts';
import { HOLD_MAX_TICKS, type SweepBounds } from './reference-sweep.ts';
import { RetryNames } from './retry-names.ts';
import { LEDGER, type SessionPools } from './session-pools.ts';

export const STUCK_AFTER_MS = STUCK_AFTER_TICKS * TICK_MS;
/** A younger gap than this was not made by the model: the test itself was delayed. */
const GAP_MIN_TICKS = 0.5;
/** Gaps older than any horizon may have been deleted. */
export const GAP_AGE_MAX_TICKS = 700;

const quiet = createLogger({ level: 'silent' });
const quietLog = createEventLog(quiet);

/** The sessions' ways to the ledger of a schema, in turn. */
const facesOf = (schema: string): readonly Face[] => [libraryFace(quiet), functionsFace(schema)];

export type RealSweep = (request: { trigger: 'manual'; force: boolean }) => Promise<SweepSummary>;

export interface WorldOptions {
  readonly bounds: SweepBounds;
  /** Connections per session: a sweep may run several batches at once. Default 1: one statement after the other. */
  readonly connections?: number;
  /** Instead of the product's sweep. */
  readonly sweepWith?: (db: LedgerDb, options: SweeperOptions) => RealSweep;
  readonly mutation?: Mutation;
  /** Another storm guard than the bounds say. */
  readonly storm?: Partial<StormOptions>;
  /** The ledger's. Default `public`, which every session has on its search path, whichever ledger is its own. */
  readonly schema?: string;
  /** Where Citus has it on a node: what is stored there, and how the tables are called there. */
  readonly node?: { readonly store: Queryable; readonly shards: Shards };
}

interface Session {
  readonly db: Kysely<Database>;
  readonly face: Face;
  readonly act: ReturnType<Face>;
  readonly holds: OperatorHolds;
  daemon: Daemon;
}

interface Daemon {
  readonly sweep: RealSweep;
  readonly beat: Beat;
}

/** Everything that is stored, with times in ticks ago. */
export interface Picture {
  readonly rows: Readonly<Record<string, PictureRow>>;
  readonly activities: Readonly<Record<string, readonly Activity[]>>;
  readonly gapsAgo: readonly { readonly startAgo: Tick; readonly endAgo: Tick }[];
  /** Of an operator's hold in force, rounded down: it lies between two ticks. Below zero. */
  readonly holdUntilAgo: Tick | null;
  /** What the daemons have said agents are judged by; null: no daemon has been there. */
  readonly toldMs: number | null;
}
export interface PictureRow {
  readonly status: Status;
  readonly heardAgo: Tick | null;
  /** Rounded down: it lies between two ticks. */
  readonly deadlineAgo: Tick;
  readonly resultPreview: string | null;
  readonly errorDetail: string | null;
  readonly ownTicks: Tick | null;
  /** The longer threshold that still counts: of two orders of a group only one may have lowered it. */
  readonly loweredFromTicks: Tick | null;
  /** Of the daemons, where it is longer than the one in force. */
  readonly daemonsLoweredFromTicks: Tick | null;
  readonly stalledTicks: Tick | null;
  /** `untilAgo`: below zero as long as it lasts. */
  readonly waiting: { readonly sinceAgo: Tick; readonly untilAgo: Tick; readonly reason: string } | null;
  readonly progress: string | null;
  readonly progressAgo: Tick | null;
  /** By its name. */
  readonly retryOf: string | null;
  readonly attempt: number;
  readonly finished: boolean;
}

/** Every instant that is stored, by table. */
const instants: Readonly<Record<string, readonly string[]>> = {
  delegations: [
    'last_heartbeat',
    'deadline',
    'finished_at',
    'created_at',
    'updated_at',
    'waiting_since',
    'waiting_until',
    'progress_at',
    'suspect_at',
    'lowered_at',
    'stalled_from',
    'start_after',
  ],
  activity_logs: ['created_at'],
  sweeper_gaps: ['gap_start', 'gap_end'],
  sweeper_lowerings: ['lowered_at'],
  sweeper_sweeps: ['started_at'],
  sweeper_holds: ['made_at', 'held_since', 'held_until', 'ended_at'],
  sweeper_notices: ['noticed_at'],
};
const stormInstants = [
  'swept_at',
  'storm_held_since',
  'storm_released_at',
  'storm_partial_since',
  'storm_forming_since',
  'storm_came_back_at',
  'storm_watched_before',
  'storm_watched_at',
];

/** The real ledger: several sessions, each a connection with its own ledger, sweeper and beat. */
export class World implements AsyncDisposable {
  readonly #pools: SessionPools;
  readonly #options: WorldOptions;
  /** What is stored, by names without a schema. */
  readonly #store: Queryable;
  readonly #sessions: Session[] = [];
  /** Of what was last looked at: what the sweep tried again has an id that nobody chose. */
  #names = new RetryNames([]);
  /** Set while statements are interleaved one by one. */
  gate: ((session: number) => Promise<void>) | undefined;
  mutated = 0;

  constructor(pools: SessionPools, options: WorldOptions) {
    this.#pools = pools;
    this.#options = options;
    this.#store = options.node?.store ?? pools.storeOf(options.schema ?? LEDGER);
    for (let session = 0; session < SESSIONS; session += 1) this.#sessions.push(this.#open(session, options));
  }

  /** An empty ledger on which no daemon has ever run. */
  async reset(): Promise<void> {
    await deleteRows(this.#store, [
      'delegations',
      'a2a_tasks',
      'activity_logs',
      'sweeper_gaps',
      'sweeper_sweeps',
      'sweeper_holds',
      'sweeper_notices',
      'sweeper_lowerings',
      'sweeper_daemons',
    ]);
    await this.#store.query(`UPDATE sweeper_threshold SET stuck_after_ms = NULL; UPDATE sweeper_state SET stuck_after_ms = NULL, beat_at = NULL, sweep_id = NULL,
      swept_at = NULL, storm_forming_since = NULL, storm_held_since = NULL,
      storm_released_at = NULL, storm_released_why = NULL, storm_partial_since = NULL, storm_came_back = 0,
      storm_came_back_at = NULL, storm_watched = 0, storm_watched_before = NULL, storm_watched_at = NULL`);
    this.#startDaemons(STUCK_AFTER_MS);
  }

  /** All daemons end, and start again with another threshold; one of them leaves its first beat. */
  async restart(ticks: Tick): Promise<void> {
    await this.#store.query('TRUNCATE sweeper_daemons');
    this.#startDaemons(halfTickMore(ticks));
    await this.run(0, { op: 'beat' });
  }

  /**
   * Advances time by moving every stored instant back. The ledger and the sweep compare instants only with the
   * database's clock or with other stored instants, so the two are equivalent. `observed`: a daemon has left beats all the
   * time, so its last beat stays at now.
   */
  async passTime(ticks: Tick, observed: boolean): Promise<void> {
    const by = `- ${ticks} * interval '${TICK_MS} milliseconds'`;
    const back = Object.entries({
      ...instants,
      sweeper_state: [...stormInstants, ...(observed ? [] : ['beat_at'])],
    }).map(
      ([table, columns]) => `UPDATE ${table} SET ${columns.map((column) => `${column} = ${column} ${by}`).join(', ')}`,
    );
    // Past the triggers, which would take it for agents' and daemons' doing.
    await this.#store.query(`BEGIN; SET LOCAL session_replication_role = replica; ${back.join('; ')}; COMMIT`);
  }

  async run(session: number, operation: Concurrent): Promise<unknown> {
    const opened = this.#sessions[session]!;
    return this.#run(opened, opened.act, operation);
  }

  /** As run(), in a transaction that keeps its locks for a moment. Undefined when it was rolled back. */
  async runTurn(session: number, { operation, hold }: Turn): Promise<unknown> {
    const isLedgers = !['sweep', 'beat', 'hold', 'release'].includes(operation.op);
    if (hold === 'no' || !isLedgers) return this.run(session, operation);
    const opened = this.#sessions[session]!;
    const transaction = await opened.db.startTransaction().execute();
    try {
      const result = await this.#run(opened, opened.face(transaction), operation);
      await sql`SELECT pg_sleep(0.002)`.execute(transaction);
      await (hold === 'commit' ? transaction.commit() : transaction.rollback()).execute();
      return hold === 'commit' ? result : undefined;
    } catch (err) {
      await transaction.rollback().execute();
      throw err;
    }
  }

  async look(): Promise<Picture> {
    const ago = (instant: string) => `(extract(epoch FROM clock_timestamp() - ${instant}) * 1000 / ${TICK_MS})::float8`;
    const rows = await this.#store.query<PictureRow & { id: string }>(`
      SELECT delegation_id AS id, retry_of AS "retryOf", attempt, status, round(${ago('last_heartbeat')}) AS "heardAgo", result_preview AS "resultPreview",
        error_detail AS "errorDetail", finished_at IS NOT NULL AS finished,
        floor(${ago('deadline')}) AS "deadlineAgo", stuck_after_ms::float8 / ${TICK_MS} AS "ownTicks",
        CASE WHEN status = 'in_progress' AND lowered_at >= last_heartbeat THEN lowered_from_ms::float8 / ${TICK_MS} END AS "loweredFromTicks",
        CASE WHEN status = 'in_progress' THEN (SELECT max(l.stuck_after_ms)::float8 / ${TICK_MS} FROM sweeper_lowerings l, sweeper_threshold t
          WHERE round(${ago('last_heartbeat')}) <= ${GAP_AGE_MAX_TICKS} AND l.lowered_at > last_heartbeat AND l.stuck_after_ms > t.stuck_after_ms) END AS "daemonsLoweredFromTicks",
        stalled_after_ms::float8 / ${TICK_MS} AS "stalledTicks", progress, round(${ago('progress_at')}) AS "progressAgo",
        CASE WHEN waiting_until IS NOT NULL THEN json_build_object('sinceAgo', round(${ago('waiting_since')}),
          'untilAgo', round(${ago('waiting_until')}), 'reason', waiting_reason) END AS waiting
      FROM delegations`);
    const activities = await this.#store.query<Activity>(`
      SELECT delegation_id AS "delegationId", event, from_status AS "fromStatus", to_status AS "toStatus", actor, detail,
        request_body AS "requestBody", response_body AS "responseBody" FROM activity_logs ORDER BY activity_id`);
    const gapsAgo = await this.#store.query<{ startAgo: Tick; endAgo: Tick }>(`
      SELECT round(${ago('gap_start')}) AS "startAgo", round(${ago('gap_end')}) AS "endAgo" FROM sweeper_gaps
      WHERE gap_end - gap_start > ${GAP_MIN_TICKS} * interval '${TICK_MS} milliseconds' ORDER BY gap_end`);
    const [held] = await this.#store.query<{ untilAgo: Tick }>(`
      SELECT floor(${ago('held_until')}) AS "untilAgo" FROM sweeper_holds WHERE ended_at IS NULL AND held_until > clock_timestamp()`);
    const [threshold] = await this.#store.query<{ toldMs: number | null }>(
      'SELECT stuck_after_ms::float8 AS "toldMs" FROM sweeper_threshold',
    );
    const names = new RetryNames(rows);
    this.#names = names;
    return {
      rows: Object.fromEntries(
        rows.map(({ id, retryOf, ...row }) => [
          names.nameOf(id),
          { ...row, retryOf: retryOf === null ? null : names.nameOf(retryOf) },
        ]),
      ),
      activities: Object.groupBy(activities, ({ delegationId }) => names.nameOf(delegationId)) as Picture['activities'],
      holdUntilAgo: held?.untilAgo ?? null,
      toldMs: threshold?.toldMs ?? null,
      gapsAgo: gapsAgo.filter(({ endAgo }) => endAgo <= GAP_AGE_MAX_TICKS),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#sessions.map(({ db }) => db.destroy()));
    await this.#pools.areIdle();
  }

  async #run(session: Session, act: ReturnType<Face>, operation: Concurrent): Promise<unknown> {
    switch (operation.op) {
      case 'sweep':
        return session.daemon.sweep({ trigger: 'manual', force: operation.force });
      case 'beat':
        return session.daemon.beat.leave();
      case 'hold':
        return this.#hold(session, operation);
      case 'release':
        return { outcome: (await session.holds.release('an operator')) === null ? 'not_held' : 'released' };
      default:
        return this.#names.translated(operation, act);
    }
  }

  async #hold({ holds }: Session, { ticks }: Hold): Promise<unknown> {
    const { replaced } = await holds.hold({ forMs: halfTickMore(ticks), reason: 'a rollout', by: 'an operator' });
    return { outcome: 'held', replaced: replaced !== null };
  }

  #open(session: number, options: WorldOptions): Session {
    const { connections = 1, mutation, schema = LEDGER, node } = options;
    const pool = this.#pools.of(session, connections);
    const gated = {
      connect: async () => {
        const client = await pool.connect();
        return { query: this.#query(session, client, mutation), release: () => client.release() };
      },
      end: async () => undefined,
    };
    const dialect = new PostgresDialect({ pool: gated as unknown as pg.Pool });
    const here = new Kysely<Database>({ dialect });
    const db = schema === LEDGER ? here : here.withSchema(schema);
    if (node !== undefined) setNode(db, schema, node.shards);
    const faces = facesOf(schema);
    const face = faces[session % faces.length]!;
    return { db, face, act: face(db), holds: new OperatorHolds(db), daemon: this.#daemonOn(db, STUCK_AFTER_MS) };
  }

  #startDaemons(stuckAfterMs: number): void {
    for (const session of this.#sessions) session.daemon = this.#daemonOn(session.db, stuckAfterMs);
  }

  #daemonOn(db: LedgerDb, stuckAfterMs: number): Daemon {
    const { bounds, sweepWith = productSweep, storm = {} } = this.#options;
    const options: SweeperOptions = {
      stuckAfterMs,
      batchRowsMax: bounds.batchRowsMax,
      rowsMax: bounds.rowsMax,
      retriesMax: bounds.retriesMax,
      storm: {
        minStale: bounds.stormMinStale,
        ratio: bounds.stormRatio,
        maxHoldMs: HOLD_MAX_TICKS * TICK_MS,
        ...storm,
      },
    };
    return { sweep: sweepWith(db, options), beat: new Beat(db, quietLog, stuckAfterMs) };
  }

  #query(session: number, client: pg.PoolClient, mutation: Mutation | undefined) {
    let isOpen = false;
    return async (text: string, parameters: unknown[]) => {
      // A transaction is one turn, like a single statement: a session that waits for a lock that it holds would keep the turn.
      // A timer reads the epoch when a process got no answer for long: it belongs to no operation.
      if (!isOpen && !readsEpoch(text, parameters)) await this.gate?.(session);
      isOpen = isOpen ? !/^(?:COMMIT|ROLLBACK)\b/i.test(text) : /^BEGIN\b/i.test(text);
      const mutated = mutation === undefined ? text : edited(text, mutation);
      if (mutated !== text) this.mutated += 1;
      return client.query(mutated, parameters);
    };
  }
}

/** The text, or what is sent to the ledger's node. */
function readsEpoch(text: string, [first]: readonly unknown[] = []): boolean {
  return [text, first].some((sql) => typeof sql === 'string' && sql.startsWith('SELECT t.epoch '));
}

/** A sweep's unobserved milliseconds as whole ticks. */
export function ticksOf(milliseconds: number): Tick {
  return Math.round(milliseconds / TICK_MS);
}

function productSweep(db: LedgerDb, options: SweeperOptions): RealSweep {
  const sweeper = new Sweeper(db, quietLog, options);
  return (request) => sweeper.sweep(request);
}
