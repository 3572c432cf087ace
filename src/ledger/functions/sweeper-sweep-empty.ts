import { askedOfEachLedger } from './asked-of-each-ledger.ts';
import { UNDATED } from './beat.ts';
import type { SchemaFunction } from './schema-function.ts';

/** Kept sweeps: enough for a week's picture. */
export const SWEEPS_KEPT = '8 days';

/**
 * A sweep on a tick of a ledger in which nothing is open: it takes the lease and is recorded, and there is nothing else to do. False where a
 * whole sweep is needed: something is open, there are signs of a storm, a hold is in force or has ended since, a lowering has no
 * instant yet, or row level security could hide rows. A daemon of many ledgers calls it for all of them in one statement.
 */
export const sweeperSweepEmptyFunction: SchemaFunction = {
  name: 'sweeper_sweep_empty',
  ...askedOfEachLedger,
  declare: `
  began timestamptz := clock_timestamp();`,
  body: `
  IF EXISTS (SELECT FROM delegations d WHERE d.finished_at IS NULL)
    OR EXISTS (SELECT FROM sweeper_holds h WHERE NOT h.end_logged)
    OR EXISTS (SELECT FROM sweeper_lowerings l WHERE l.lowered_at = ${UNDATED})
    OR EXISTS (SELECT FROM pg_class c WHERE c.oid = 'delegations'::regclass AND c.relrowsecurity) THEN
    RETURN to_json(false);
  END IF;
  UPDATE sweeper_state s SET sweep_id = request ->> 'sweepId', tick_sweep_id = NULL, swept_at = clock_timestamp()
  WHERE s.singleton AND s.storm_held_since IS NULL AND s.storm_forming_since IS NULL AND s.storm_partial_since IS NULL;
  IF NOT FOUND THEN
    RETURN to_json(false);
  END IF;
  INSERT INTO sweeper_sweeps (sweep_id, started_at, trigger, stuck, stalled, failed, retried, poisoned, remaining, truncated,
    held, batches, duration_ms, unobserved_ms, callees, marks)
  VALUES (request ->> 'sweepId', began, request ->> 'trigger', 0, 0, 0, 0, 0, 0, false, false, 0, 0, 0, '[]', '[]');
  DELETE FROM sweeper_sweeps w WHERE w.started_at < began - interval '${SWEEPS_KEPT}';
  RETURN to_json(true);`,
};
