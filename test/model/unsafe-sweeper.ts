import { randomUUID } from 'node:crypto';
import { sql } from 'kysely';
import type { LedgerDb } from '../../src/db/schema.ts';
import { horizonOf, unobserved } from '../../src/sweeper/horizon.ts';
import { ObservedTime } from '../../src/sweeper/observed-time/observed-time.ts';
import type { SweeperOptions } from '../../src/sweeper/sweeper-options.ts';
import { sweeperTables } from '../../src/sweeper/tables.ts';
import type { RealSweep } from './world.ts';

/**
 * The usual first version of a sweep: select the ids, then update them with only the status repeated. A heartbeat
 * between the two is ignored. No statement fails and no transition is illegal: only the model detects it.
 */
export function unsafeSweep(db: LedgerDb, { stuckAfterMs }: SweeperOptions): RealSweep {
  const observed = new ObservedTime(db, sweeperTables(db));
  return async () => {
    const sweepId = randomUUID();
    const observation = await observed.read();
    const { atUs } = horizonOf(observation.nowUs, stuckAfterMs, unobserved(observation, stuckAfterMs));
    const { rows } = await sql<{ id: string }>`
      SELECT delegation_id AS id FROM ${sql.raw(sweeperTables(db).delegations)}
      WHERE status = 'in_progress' AND suspect_at IS NULL AND deadline >= clock_timestamp()
        AND last_heartbeat < to_timestamp(${atUs}::float8 / 1000000)`.execute(db);
    const { rows: marked } = await sql`
      WITH marked AS (
        UPDATE ${sql.raw(sweeperTables(db).delegations)} SET status = 'stuck', revision = revision + 1, error_detail = 'no heartbeat for 0s'
        WHERE delegation_id = ANY(${rows.map(({ id }) => id)}) AND status = 'in_progress'
        RETURNING delegation_id)
      INSERT INTO ${sql.raw(sweeperTables(db).activityLogs)} (delegation_id, event, from_status, to_status, actor, detail)
      SELECT delegation_id, 'delegation.stuck', 'in_progress', 'stuck', 'sweeper',
        jsonb_build_object('rule', 'stale', 'sweepId', ${sweepId}::text, 'silentMs', ${2 * stuckAfterMs}::float8)
      FROM marked RETURNING delegation_id`.execute(db);
    const counts = {
      stuck: marked.length,
      failed: 0,
      retried: 0,
      poisoned: 0,
      remaining: 0,
      batches: 1,
      durationMs: 0,
    };
    return {
      sweepId,
      ...counts,
      truncated: false,
      held: false,
      heldBy: null,
      unobservedMs: 0,
      dryRun: false,
      rows: [],
    };
  };
}
