import { Kysely, PostgresDialect, sql } from 'kysely';
import pg from 'pg';
import type { Database, LedgerDb } from '../../src/db/schema.ts';
import type { Activity } from '../../src/ledger/activity.ts';
import { DelegationLedger } from '../../src/ledger/ledger.ts';
import type { Status } from '../../src/ledger/transitions.ts';
import { createEventLog } from '../../src/log/event-log.ts';
import { createLogger } from '../../src/log/logger.ts';
import { Beat } from '../../src/sweeper/observed-time/beat.ts';
import type { SweepSummary } from '../../src/sweeper/summary.ts';
import { Sweeper } from '../../src/sweeper/sweeper.ts';
import type { SweeperOptions } from '../../src/sweeper/sweeper-options.ts';
import type { TestDatabase } from '../support/database.ts';
import { type Concurrent, type Id, SESSIONS, type Tick, type Turn } from './operation.ts';
import { HOLD_MAX_TICKS, STUCK_AFTER_TICKS, type SweepBounds } from './reference-ledger.ts';

/** So long that the real duration of a run, some seconds, is negligible compared with half a tick. */
const TICK_MS = 3_600_000;
const STUCK_AFTER_MS = STUCK_AFTER_TICKS * TICK_MS;
/** Half a tick: a delegation heard in this tick is fresh, one heard in an earlier tick is due. */
const DEBOUNCE_MS = TICK_MS / 2;
/** A younger gap than this was not made by the model: the test itself was delayed. */
const GAP_MIN_TICKS = 0.5;
/** Gaps older than any horizon may have been deleted. */
export const GAP_AGE_MAX_TICKS = 700;

const quiet = createLogger({ level: 'silent' });
const quietLog = createEventLog(quiet);

export type RealSweep = (request: { trigger: 'manual'; force: boolean }) => Promise<SweepSummary>;

/** A change to the product's SQL that the model must detect. */
export interface Mutation {
  /** The text to find and its replacement. */
  readonly edits: readonly (readonly [find: string, put: string])[];
}

export interface WorldOptions {
  readonly bounds: SweepBounds;
  /** Connections per session: a sweep may run several batches at once. Default 1: one statement after the other. */
  readonly connections?: number;
  /** Instead of the product's sweep. */
  readonly sweepWith?: (db: LedgerDb, options: SweeperOptions) => RealSweep;
  readonly mutation?: Mutation;
}

interface Session {
  readonly db: Kysely<Database>;
  readonly ledger: DelegationLedger;
  readonly sweep: RealSweep;
  readonly beat: () => Promise<unknown>;
}

/** Everything that is stored, with times in ticks ago. */
export interface Picture {
  readonly rows: Readonly<Record<string, PictureRow>>;
  readonly activities: Readonly<Record<string, readonly Activity[]>>;
  readonly gapsAgo: readonly { readonly startAgo: Tick; readonly endAgo: Tick }[];
}
export interface PictureRow {
  readonly status: Status;
  readonly heardAgo: Tick | null;
  readonly resultPreview: string | null;
  readonly errorDetail: string | null;
  readonly finished: boolean;
}

/** The real ledger: several sessions, each a connection with its own ledger, sweeper and beat. */
export class World implements AsyncDisposable {
  readonly #database: TestDatabase;
  readonly #pools: pg.Pool[] = [];
  readonly #sessions: Session[] = [];
  /** Set while statements are interleaved one by one. */
  gate: ((session: number) => Promise<void>) | undefined;
  mutated = 0;

  constructor(database: TestDatabase, options: WorldOptions) {
    this.#database = database;
    for (let session = 0; session < SESSIONS; session += 1) this.#sessions.push(this.#open(session, options));
  }

  /** An empty ledger on which no daemon has ever run. */
  async reset(): Promise<void> {
    await this.#database.query(`TRUNCATE delegations, activity_logs, sweeper_gaps, sweeper_sweeps, sweeper_notices`);
    await this.#database.query(`TRUNCATE sweeper_lowerings; UPDATE sweeper_threshold SET stuck_after_ms = NULL`);
    await this.#database.query(`UPDATE sweeper_state SET stuck_after_ms = NULL, beat_at = NULL, sweep_id = NULL,
      swept_at = NULL, storm_forming_since = NULL, storm_held_since = NULL,
      storm_released_at = NULL, storm_released_why = NULL, storm_partial_since = NULL, storm_came_back = 0,
      storm_came_back_at = NULL, storm_watched = 0, storm_watched_before = NULL, storm_watched_at = NULL`);
  }

  /**
   * Advances time by moving every stored instant back. The ledger and the sweep compare instants only with the
   * database's clock or with other stored instants, so the two are equivalent. `observed`: a daemon has left beats all the
   * time, so its last beat stays at now.
   */
  async passTime(ticks: Tick, observed: boolean): Promise<void> {
    const by = `- ${ticks} * interval '${TICK_MS} milliseconds'`;
    const back = (table: string, columns: readonly string[]) =>
      this.#database.query(`UPDATE ${table} SET ${columns.map((column) => `${column} = ${column} ${by}`).join(', ')}`);
    await back('delegations', ['last_heartbeat', 'deadline', 'finished_at', 'created_at', 'updated_at']);
    await back('activity_logs', ['created_at']);
    await back('sweeper_gaps', ['gap_start', 'gap_end']);
    await back('sweeper_sweeps', ['started_at']);
    await back('sweeper_notices', ['noticed_at']);
    await back('sweeper_state', [
      'swept_at',
      'storm_held_since',
      'storm_released_at',
      'storm_partial_since',
      'storm_forming_since',
      'storm_came_back_at',
      'storm_watched_before',
      'storm_watched_at',
      ...(observed ? [] : ['beat_at']),
    ]);
  }

  async run(session: number, operation: Concurrent): Promise<unknown> {
    return this.#run(this.#sessions[session]!, this.#sessions[session]!.ledger, operation);
  }

  /** As run(), in a transaction that keeps its locks for a moment. Undefined when it was rolled back. */
  async runTurn(session: number, { operation, hold }: Turn): Promise<unknown> {
    const isLedgers = operation.op !== 'sweep' && operation.op !== 'beat';
    if (hold === 'no' || !isLedgers) return this.run(session, operation);
    const opened = this.#sessions[session]!;
    const transaction = await opened.db.startTransaction().execute();
    try {
      const ledger = new DelegationLedger(transaction, ledgerOptions());
      const result = await this.#run(opened, ledger, operation);
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
    const rows = await this.#database.query<PictureRow & { id: string }>(`
      SELECT delegation_id AS id, status, round(${ago('last_heartbeat')}) AS "heardAgo", result_preview AS "resultPreview",
        error_detail AS "errorDetail", finished_at IS NOT NULL AS finished FROM delegations`);
    const activities = await this.#database.query<Activity>(`
      SELECT delegation_id AS "delegationId", event, from_status AS "fromStatus", to_status AS "toStatus", actor, detail,
        request_body AS "requestBody", response_body AS "responseBody" FROM activity_logs ORDER BY activity_id`);
    const gapsAgo = await this.#database.query<{ startAgo: Tick; endAgo: Tick }>(`
      SELECT round(${ago('gap_start')}) AS "startAgo", round(${ago('gap_end')}) AS "endAgo" FROM sweeper_gaps
      WHERE gap_end - gap_start > ${GAP_MIN_TICKS} * interval '${TICK_MS} milliseconds' ORDER BY gap_end`);
    return {
      rows: Object.fromEntries(rows.map(({ id, ...row }) => [id, row])),
      activities: Object.groupBy(activities, ({ delegationId }) => delegationId) as Picture['activities'],
      gapsAgo: gapsAgo.filter(({ endAgo }) => endAgo <= GAP_AGE_MAX_TICKS),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#sessions.map(({ db }) => db.destroy()));
    await Promise.all(this.#pools.filter((pool) => !pool.ended && !pool.ending).map((pool) => pool.end()));
  }

  #run(session: Session, ledger: DelegationLedger, operation: Concurrent): Promise<unknown> {
    switch (operation.op) {
      case 'insert': {
        const { id, caller, callee, key, deadlineTicks } = operation;
        const deadlineMs = (deadlineTicks + 0.5) * TICK_MS;
        return ledger.insert({
          delegationId: id,
          callerId: caller,
          calleeId: callee,
          taskPreview: 'task',
          idempotencyKey: key,
          deadlineMs,
        });
      }
      case 'heartbeat':
        return ledger.heartbeat(operation.id);
      case 'heartbeatMany':
        return ledger.heartbeatMany(operation.ids as Id[]);
      case 'setStatus': {
        const { id, to, text, body } = operation;
        const detail = text === null ? {} : to === 'completed' ? { resultPreview: text } : { errorDetail: text };
        return ledger.setStatus(id, to, { ...detail, responseBody: body });
      }
      case 'sweep':
        return session.sweep({ trigger: 'manual', force: operation.force });
      case 'beat':
        return session.beat();
    }
  }

  #open(session: number, { bounds, connections = 1, sweepWith = productSweep, mutation }: WorldOptions): Session {
    const pool = new pg.Pool({ connectionString: this.#database.url, max: connections });
    this.#pools.push(pool);
    const gated = {
      connect: async () => {
        const client = await pool.connect();
        return { query: this.#query(session, client, mutation), release: () => client.release() };
      },
      end: () => pool.end(),
    };
    const db = new Kysely<Database>({ dialect: new PostgresDialect({ pool: gated as unknown as pg.Pool }) });
    const options: SweeperOptions = {
      stuckAfterMs: STUCK_AFTER_MS,
      batchRowsMax: bounds.batchRowsMax,
      rowsMax: bounds.rowsMax,
      storm: { minStale: bounds.stormMinStale, ratio: bounds.stormRatio, maxHoldMs: HOLD_MAX_TICKS * TICK_MS },
    };
    const beat = new Beat(db, quietLog, STUCK_AFTER_MS);
    return {
      db,
      ledger: new DelegationLedger(db, ledgerOptions()),
      sweep: sweepWith(db, options),
      beat: async () => {
        await beat.leave();
        await this.#database.query('UPDATE sweeper_threshold SET stuck_after_ms = $1', [STUCK_AFTER_MS]);
      },
    };
  }

  #query(session: number, client: pg.PoolClient, mutation: Mutation | undefined) {
    let isOpen = false;
    return async (text: string, parameters: unknown[]) => {
      // A transaction is one turn, like a single statement: a session that waits for a lock that it holds would keep the turn.
      // A timer reads the epoch when a process got no answer for long: it belongs to no operation.
      if (!isOpen && !text.startsWith('SELECT epoch')) await this.gate?.(session);
      isOpen = isOpen ? !/^(?:COMMIT|ROLLBACK)\b/i.test(text) : /^BEGIN\b/i.test(text);
      const mutated = mutation?.edits.reduce((sql, [find, put]) => sql.replaceAll(find, put), text) ?? text;
      if (mutated !== text) this.mutated += 1;
      return client.query(mutated, parameters);
    };
  }
}

/** A sweep's unobserved milliseconds as whole ticks. */
export function ticksOf(milliseconds: number): Tick {
  return Math.round(milliseconds / TICK_MS);
}

export const stuckAfterMs = STUCK_AFTER_MS;

function productSweep(db: LedgerDb, options: SweeperOptions): RealSweep {
  const sweeper = new Sweeper(db, quietLog, options);
  return (request) => sweeper.sweep(request);
}

function ledgerOptions() {
  return { logger: quiet, heartbeatMinIntervalMs: DEBOUNCE_MS };
}
