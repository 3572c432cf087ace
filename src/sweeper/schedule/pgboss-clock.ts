import type { PgBoss } from 'pg-boss';
import { againWhereIdleClosed } from '../../db/idle-closed.ts';
import { wholeNumber } from '../../db/positional-statement.ts';
import { verbatim } from './pgboss-schema.ts';
import { TICK_QUEUE } from './sweep-queue.ts';

/** The schedule as the database has it, all at one instant of the clock by which pg-boss judges. */
export interface Reading {
  /** Milliseconds since 1970. */
  readonly nowMs: number;
  /** The sweep that began last, by any replica or command. */
  readonly sweepId: string | null;
  /** Whether a sweep's job is being worked on. */
  readonly active: boolean;
  /** Whether the ledger's ticks are still there. */
  readonly scheduled: boolean;
  /** Whether instants that pg-boss wrote lie in the future: the clock was set back. */
  readonly ahead: boolean;
}

export interface PgBossClockOptions {
  readonly dbSchema: string;
  readonly pgbossSchema: string;
  readonly queue: string;
}

/** What lies ahead by less may have been written while the reading ran. */
const AHEAD = "interval '5 seconds'";
/** Longer than pg-boss takes to notice that the clock was set: it looks once a minute. */
const UNNOTICED = "interval '90 seconds'";
/** One row for all replicas: when each of pg-boss's rounds was last made. */
const ROUNDS = ['cron_on', 'flow_on', 'reindex_on', 'bam_on'];
/** The same for each queue: here it looks for the jobs of dead workers. */
const QUEUE_ROUNDS = ['monitor_on', 'monitor_claim_on', 'maintain_on'];

/**
 * Reads pg-boss's own instants, and puts them right after the database's clock was set back. pg-boss waits for them to
 * pass. Until then no replica ticks or looks for dead workers, a job that was handed back is not due and keeps new ones
 * out of its queue, a dead worker's job looks alive, and the minutes that come a second time have had their tick.
 */
export class PgBossClock {
  readonly #boss: PgBoss;
  readonly #queue: string;
  readonly #read: string;
  readonly #takeBack: readonly string[];

  constructor(boss: PgBoss, { dbSchema, pgbossSchema, queue }: PgBossClockOptions) {
    const table = (name: string) => `${verbatim(pgbossSchema)}.${name}`;
    const now = `${verbatim(pgbossSchema)}.job_now()`;
    const ahead = (column: string) => `${column} > ${now} + ${AHEAD}`;
    const anyAhead = (columns: readonly string[]) => columns.map(ahead).join(' OR ');
    const setBack = (columns: readonly string[]) =>
      columns.map((column) => `${column} = CASE WHEN ${column} > ${now} THEN ${now} ELSE ${column} END`).join(', ');
    const waiting = `name = $1 AND state < 'active' AND ${ahead('start_after')}`;
    const seemsAlive = `name = $1 AND state = 'active' AND ${ahead('heartbeat_on')}`;
    // A minute's tick is filed under the minute, as UTC without a zone. In the words of pg-boss's index, which finds it.
    // Those filed before the clock was set back, and those filed since by a pg-boss that had not noticed yet; but not
    // at once, or it would file them again and again until it has.
    const ticked = `name = '${TICK_QUEUE}' AND data->>'name' = $1 AND state <> 'cancelled' AND state <> 'active'
      AND singleton_on > (${now} + interval '1 minute') AT TIME ZONE 'UTC'
      AND (${ahead('created_on')} OR created_on < ${now} - ${UNNOTICED})`;
    this.#boss = boss;
    this.#queue = queue;
    this.#read = `
SELECT ${wholeNumber(`extract(epoch FROM ${now}) * 1000`)} AS "nowMs", s.sweep_id AS "sweepId",
  EXISTS (SELECT FROM ${table('job')} WHERE name = $1 AND state = 'active') AS "active",
  EXISTS (SELECT FROM ${table('schedule')} WHERE name = $1) AS "scheduled",
  EXISTS (SELECT FROM ${table('version')} WHERE ${ahead('cron_on')})
    OR EXISTS (SELECT FROM ${table('queue')} WHERE ${anyAhead(QUEUE_ROUNDS)})
    OR EXISTS (SELECT FROM ${table('job')} WHERE ${waiting})
    OR EXISTS (SELECT FROM ${table('job')} WHERE ${seemsAlive})
    OR EXISTS (SELECT FROM ${table('job')} WHERE ${ticked}) AS "ahead"
FROM "${dbSchema.replaceAll('"', '""')}".sweeper_state s WHERE s.singleton`;
    this.#takeBack = [
      `UPDATE ${table('version')} SET ${setBack(ROUNDS)} WHERE ${anyAhead(ROUNDS)}`,
      // Locked in the order in which pg-boss locks them.
      `WITH due AS MATERIALIZED (
         SELECT name FROM ${table('queue')} WHERE ${anyAhead(QUEUE_ROUNDS)} ORDER BY name FOR NO KEY UPDATE)
       UPDATE ${table('queue')} q SET ${setBack(QUEUE_ROUNDS)} FROM due WHERE q.name = due.name`,
      `UPDATE ${table('job')} SET start_after = ${now} WHERE ${waiting}`,
      // A worker that lives says so again within seconds; one that does not is found by its silence from now on.
      `UPDATE ${table('job')} SET heartbeat_on = ${now} WHERE ${seemsAlive}`,
      `DELETE FROM ${table('job')} WHERE ${ticked}`,
    ];
  }

  /** Throws the database's error. */
  async read(): Promise<Reading> {
    const { rows } = await againWhereIdleClosed(() => this.#boss.getDb().executeSql(this.#read, [this.#queue]));
    const [reading] = rows as Reading[];
    if (!reading) throw new Error('sweeper_state has lost its one row; insert it again');
    return reading;
  }

  /** Puts everything that lies ahead back to now. Throws the database's error; done again, it changes nothing. */
  async takeBack(): Promise<void> {
    for (const statement of this.#takeBack) {
      await this.#boss.getDb().executeSql(statement, statement.includes('$1') ? [this.#queue] : []);
    }
  }
}
