import { isOneOf } from '../../db/literal.ts';
import { terminalStatuses } from '../transitions.ts';
import { idChecks, minIntervalCheck, noteCheck } from './checks.ts';
import { isDue, isOpen, progressAssignments, stampAssignments } from './heartbeat-rules.ts';
import { refuse, type SchemaFunction } from './schema-function.ts';

/** Milliseconds: 40 stamps in the default threshold of ten minutes. */
export const MIN_INTERVAL_DEFAULT_MS = 15_000;
/** Another session may finish or stamp the delegation while the stamp waits for its lock. */
const ROUNDS_MAX = 4;

/** A stamp that is older when it is written has waited for its row's lock. */
const WAITED = "interval '10 milliseconds'";

const inForce = `SELECT s.stuck_after_ms INTO in_force_ms FROM sweeper_threshold s WHERE s.singleton;`;

const returning = (block: string) =>
  `RETURNING d.status, d.stuck_after_ms INTO ${block}.status, ${block}.stuck_after_ms`;

/**
 * PL/pgSQL: judges, and stamps when a stamp is due. Reads `progress` and sets `outcome`, `status`, `stuck_after_ms` and
 * `epoch`, all of which are variables of the block that is named. In the model: heartbeat.
 */
export const beat = (block: string, minIntervalMs: string) => `
  FOR round IN 1..${ROUNDS_MAX} LOOP
    SELECT d.status, d.suspect_at IS NULL, s.stuck_after_ms, coalesce(d.stuck_after_ms, s.stuck_after_ms), s.epoch,
      ${isDue(minIntervalMs, 's.stuck_after_ms')} OR ${block}.progress IS NOT NULL
    INTO ${block}.status, is_plain, in_force_ms, ${block}.stuck_after_ms, ${block}.epoch, stamp_is_due
    FROM delegations d LEFT JOIN sweeper_threshold s ON s.singleton
    WHERE d.delegation_id = id;
    outcome := CASE WHEN NOT FOUND THEN 'missing'
      WHEN ${isOneOf(`${block}.status`, terminalStatuses)} THEN 'terminal'
      WHEN NOT stamp_is_due THEN 'fresh' END;
    EXIT WHEN outcome IS NOT NULL;
    IF is_plain AND ${block}.progress IS NULL THEN
      -- A bound that another session gave the row meanwhile is early, which does no harm.
      UPDATE delegations d SET last_heartbeat = greatest(d.last_heartbeat, clock_timestamp())
      WHERE d.delegation_id = id AND ${isOpen}
      RETURNING d.status, d.stuck_after_ms, clock_timestamp() - d.last_heartbeat > ${WAITED}
      INTO ${block}.status, ${block}.stuck_after_ms, has_waited;
      is_stamped := FOUND;
      -- The clock was read before a wait for the row's lock, unless the session that had it changed the row: read it again, or
      -- a heartbeat that waited for long would be written as old as the silence that it ends.
      IF has_waited THEN
        UPDATE delegations d SET last_heartbeat = greatest(d.last_heartbeat, clock_timestamp()) WHERE d.delegation_id = id;
      END IF;
    ELSE
      PERFORM FROM delegations d WHERE d.delegation_id = id AND ${isOpen} FOR NO KEY UPDATE;
      is_stamped := FOUND;
      at := clock_timestamp();
      ${inForce}
      IF is_stamped AND ${block}.progress IS NULL THEN
        UPDATE delegations d SET ${stampAssignments}
        WHERE d.delegation_id = id ${returning(block)};
      ELSIF is_stamped THEN
        UPDATE delegations d SET ${progressAssignments(`${block}.progress`)}
        WHERE d.delegation_id = id ${returning(block)};
      END IF;
    END IF;
    IF is_stamped THEN
      outcome := 'stamped';
      -- What was read before the stamp may have changed while it waited for the row's lock. Whoever is heard after a
      -- threshold was lowered is judged by the lower one, so the answer names what is in force after the stamp.
      IF ${block}.stuck_after_ms IS NULL THEN
        ${inForce}
        ${block}.stuck_after_ms := in_force_ms;
      END IF;
      EXIT;
    END IF;
  END LOOP;
  IF outcome IS NULL THEN
    RAISE EXCEPTION 'the delegation could not be stamped: other sessions change it repeatedly'
      USING ERRCODE = 'serialization_failure';
  END IF;`;

export const beatDeclaration = `
  at timestamptz;
  is_plain boolean;
  is_stamped boolean;
  has_waited boolean;
  stamp_is_due boolean;
  in_force_ms bigint;`;

const checks = [...idChecks('id'), minIntervalCheck(), noteCheck('progress', { mayBeNull: true })] as const;

/**
 * A sign of life. Programs of 0.1.0 call `delegation_heartbeat($1, $2)` without types, and must reach the function that
 * they know. By PostgreSQL's rules a second parameter of type text would be preferred to its float8, and another float8
 * would be ambiguous; bigint is not preferred, for whole numbers or fractions, since float8 is the preferred number type.
 */
export const heartbeatFunction: SchemaFunction = {
  name: 'delegation_heartbeat',
  parameters: `id text, min_interval_ms bigint DEFAULT ${MIN_INTERVAL_DEFAULT_MS}, progress text DEFAULT NULL,
  OUT outcome text, OUT status text, OUT stuck_after_ms bigint, OUT epoch text`,
  types: 'text, bigint, text',
  declare: beatDeclaration,
  body: refuse(checks) + beat('delegation_heartbeat', 'min_interval_ms'),
};

/** The same with all three arguments by position, in the order of the documentation. */
export const heartbeatByPositionFunction: SchemaFunction = {
  name: 'delegation_heartbeat',
  parameters: `text, text, float8, OUT outcome text, OUT status text, OUT stuck_after_ms bigint, OUT epoch text`,
  types: 'text, text, float8',
  body: `${refuse([minIntervalCheck('$3')])}
  SELECT h.outcome, h.status, h.stuck_after_ms, h.epoch
  INTO outcome, status, stuck_after_ms, epoch
  FROM delegation_heartbeat($1, min_interval_ms => $3::bigint, progress => $2) h;`,
};
