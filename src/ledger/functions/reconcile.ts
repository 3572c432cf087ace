import { isOneOf } from '../../db/literal.ts';
import type { damageKinds } from '../../log/catalogue/damage-kinds.ts';
import { leadsTo, mayBecome, resultStatuses, terminalStatuses } from '../transitions.ts';
import { beginningOf } from './beginning.ts';
import { idChecks } from './checks.ts';
import { makeAgain } from './made-again.ts';
import { refuse, type SchemaFunction } from './schema-function.ts';
import { statusPairs } from './status-pairs.ts';
import { endedAt, errorDetail, isOfThisLife, lastRecorded, readLife, readWait } from './told.ts';

export type DamageKind = (typeof damageKinds)[number];
/**
 * `healed`: it agrees now. `recorded`: a result that the row can no longer take was recorded as a late result.
 * `impossible`: nothing names what the row would hold.
 */
export const healingOutcomes = ['healed', 'recorded', 'impossible'] as const;
export type HealingOutcome = (typeof healingOutcomes)[number];

/** Writes all that the reconciler writes. */
const ACTOR = `'reconciler'`;

const isDirect = (from: string, to: string) => `(${statusPairs(from, to, mayBecome)})`;
const isReachable = (from: string, to: string) => `(${statusPairs(from, to, leadsTo)})`;
const isTerminal = (status: string) => isOneOf(status, terminalStatuses);

/** PL/pgSQL: the damage goes to the caller and, unless nothing is changed, into the activity. */
function report(damage: DamageKind, result: Exclude<HealingOutcome, 'impossible'>, from: string, to: string): string {
  return `
    kind := '${damage}';
    outcome := '${result}';
    from_status := ${from};
    to_status := ${to};
    IF NOT dry_run THEN
      INSERT INTO activity_logs (delegation_id, event, from_status, actor, detail)
      VALUES (id, 'delegation.healed', status_now, ${ACTOR}, jsonb_strip_nulls(jsonb_build_object('at', clock_timestamp(),
        'kind', kind, 'outcome', outcome, 'from', from_status, 'to', to_status)));
    END IF;
    RETURN NEXT;`;
}

/** SQL: the late result of the end `o` is in the activity already. */
const isRecorded = `EXISTS (SELECT FROM activity_logs l WHERE l.delegation_id = id AND l.event = 'delegation.late_result'
        AND l.detail = o.detail AND l.response_body IS NOT DISTINCT FROM o.response_body)`;

const heldColumns = `d.status, d.deadline, d.created_at, d.finished_at,
        CASE WHEN d.status = 'completed' THEN d.result_preview ELSE d.error_detail END AS said`;

/** PL/pgSQL: there is no row. Either it is made again, or the function ends. */
const whereMissing = `
    IF told.to_status IS NULL THEN
      -- Only what came for a delegation that was never recorded here. Nothing names its caller.
      IF EXISTS (SELECT FROM activity_logs a WHERE a.delegation_id = id AND a.event = 'delegation.orphan_update') THEN
        kind := 'row_missing';
        outcome := 'impossible';
        RETURN NEXT;
      END IF;
      RETURN;
    END IF;
    IF ${isTerminal('told.to_status')} AND told.created_at < (SELECT r.delegations_before FROM sweeper_retention r) THEN
      -- The retention removed it.
      RETURN;
    END IF;
    IF begun.detail #>> '{delegation,callerId}' IS NULL THEN
      -- Activity of an earlier release. Where it says that the delegation ended, somebody may have deleted the row.
      IF NOT ${isTerminal('told.to_status')} THEN
        kind := 'row_missing';
        outcome := 'impossible';
        to_status := told.to_status;
        RETURN NEXT;
      END IF;
      RETURN;
    END IF;
    status_now := told.to_status;
    is_found := true;
    IF NOT dry_run THEN${readWait}${makeAgain}
      -- A session may have made it since this one looked: it is looked at again.
      is_found := FOUND;
    END IF;
    IF is_found THEN${report('row_missing', 'healed', 'NULL', 'status_now')}
      EXIT;
    END IF;`;

/** PL/pgSQL: the row moves forward to what its activity says, step by step, as the guard demands. */
const whereBehind = `
    IF NOT dry_run THEN${readWait}
      IF NOT ${isDirect('status_now', 'told.to_status')} THEN
        UPDATE delegations d SET status = 'in_progress', updated_at = at, revision = d.revision + 1,
          last_heartbeat = greatest(d.last_heartbeat, at)
        WHERE d.delegation_id = id;
      END IF;
      UPDATE delegations d SET status = told.to_status, updated_at = at, revision = d.revision + 1,
        -- Heartbeats are in no activity: its agent has the whole threshold to be heard.
        last_heartbeat = CASE WHEN told.to_status = 'in_progress' THEN greatest(d.last_heartbeat, at) ELSE d.last_heartbeat END,
        finished_at = ${endedAt},
        error_detail = coalesce(${errorDetail}, d.error_detail),
        result_preview = coalesce(told.detail ->> 'resultPreview', d.result_preview)
      WHERE d.delegation_id = id;
      IF wait IS NOT NULL THEN
        UPDATE delegations d SET waiting_since = (wait ->> 'since')::timestamptz,
          waiting_until = (wait ->> 'until')::timestamptz, waiting_reason = wait ->> 'reason'
        WHERE d.delegation_id = id;
      END IF;
      -- A wait moves it, and ending one takes it back.
      UPDATE delegations d SET deadline = greatest(held.deadline, ${lastRecorded('deadline', 'timestamptz')})
      WHERE d.delegation_id = id AND d.deadline IS DISTINCT FROM greatest(held.deadline, ${lastRecorded('deadline', 'timestamptz')});
    END IF;
    held.status := status_now;
    status_now := told.to_status;${report('row_behind', 'healed', 'held.status', 'status_now')}`;

/** PL/pgSQL: the activity gets what the row has and it has not. */
const whereAhead = `
    before := told.to_status;
    IF NOT dry_run THEN
      IF ${isReachable('told.to_status', 'status_now')} AND NOT ${isDirect('told.to_status', 'status_now')} THEN
        INSERT INTO activity_logs (delegation_id, event, from_status, to_status, actor)
        VALUES (id, 'delegation.in_progress', told.to_status, 'in_progress', ${ACTOR});
        told.to_status := 'in_progress';
      END IF;
      INSERT INTO activity_logs (delegation_id, event, from_status, to_status, actor, detail)
      SELECT id, 'delegation.' || status_now, told.to_status, status_now, ${ACTOR}, jsonb_strip_nulls(jsonb_build_object(
        'errorDetail', CASE WHEN status_now <> 'completed' THEN d.error_detail END,
        'resultPreview', CASE WHEN status_now = 'completed' THEN d.result_preview END, 'finishedAt', d.finished_at))
        || CASE WHEN told.to_status IS NULL THEN ${beginningOf('d')} ELSE '{}' END
      FROM delegations d WHERE d.delegation_id = id;
    END IF;${report('activity_missing', 'healed', 'before', 'status_now')}`;

/** PL/pgSQL: the row takes the result `o`, or has it as a late one. */
const takeResult = `
      PERFORM delegation_set_status(id, o.attempted, o.detail ->> 'errorDetail', o.detail ->> 'resultPreview',
        o.response_body, ${ACTOR});`;

/** PL/pgSQL: other results that the activity says the delegation ended with, before a row that had lost them went on. */
const otherEnds = `
  FOR o IN SELECT a.to_status AS attempted, a.response_body, jsonb_strip_nulls(jsonb_build_object('attempted', a.to_status,
      'errorDetail', a.detail -> 'errorDetail', 'resultPreview', a.detail -> 'resultPreview')) AS detail
    FROM activity_logs a
    WHERE ${isOfThisLife} AND ${isOneOf('a.to_status', resultStatuses)} AND a.to_status <> status_now
      AND a.actor <> 'sweeper' AND ${isTerminal('status_now')}
    ORDER BY a.activity_id
  LOOP
    IF NOT ${isRecorded} THEN
      IF NOT dry_run THEN${takeResult}
      END IF;${report('ended_twice', 'recorded', 'status_now', 'o.attempted')}
    END IF;
  END LOOP;`;

/**
 * PL/pgSQL: results that came while there was no row. Not those for an earlier delegation of this id. A row that holds the
 * result, or has it as a late one, has nothing to take.
 */
const orphanResults = `
  FOR o IN SELECT a.detail, a.response_body, a.detail ->> 'attempted' AS attempted,
      coalesce(a.detail ->> 'resultPreview', a.detail ->> 'errorDetail') AS said
    FROM activity_logs a
    WHERE a.delegation_id = id AND a.event = 'delegation.orphan_update'
      AND ${isOneOf(`a.detail ->> 'attempted'`, resultStatuses)}
      AND NOT EXISTS (SELECT FROM activity_logs e WHERE e.delegation_id = id AND e.to_status IS NOT NULL
        AND e.activity_id < least(a.activity_id, begun.activity_id))
    ORDER BY a.activity_id
  LOOP
    IF ${isRecorded} THEN
      CONTINUE;
    END IF;
    IF o.attempted = status_now AND (o.said IS NULL OR o.said IS NOT DISTINCT FROM said)
      AND (o.response_body IS NULL OR o.response_body IS NOT DISTINCT FROM body) THEN
      CONTINUE;
    END IF;
    before := status_now;
    IF NOT dry_run THEN
      IF ${isReachable('status_now', 'o.attempted')} AND NOT ${isDirect('status_now', 'o.attempted')} THEN
        PERFORM delegation_set_status(id, 'in_progress', actor => ${ACTOR});
      END IF;${takeResult}
    END IF;
    IF ${isReachable('before', 'o.attempted')} THEN
      status_now := o.attempted;
      said := coalesce(o.said, said);
      body := o.response_body;${report('orphan_result', 'healed', 'before', 'status_now')}
    ELSE${report('orphan_result', 'recorded', 'status_now', 'o.attempted')}
    END IF;
  END LOOP;`;

/**
 * Makes a delegation's row and its activity agree, forward only, and returns one row for each damage that it healed; none
 * where nothing was wrong. It judges the row under its lock, by a snapshot taken after that: whoever changed it has committed
 * with the activity. With `dry_run` it changes and locks nothing, and returns the same rows; run it in one snapshot.
 *
 *   row_missing       the activity has a delegation that is not there: it is made again
 *   row_behind        the row is earlier than its activity: it moves on
 *   activity_missing  the row is further than its activity: it gets the activity
 *   ended_twice       the activity has another result than the row, which had lost it: it becomes a late result
 *   orphan_result     a result came while there was no row: the row takes it, or has it as a late result
 */
export const reconcileFunction: SchemaFunction = {
  name: 'delegation_reconcile',
  parameters: 'id text, dry_run boolean DEFAULT false',
  types: 'text, boolean',
  returns: 'TABLE (kind text, outcome text, from_status text, to_status text)',
  declare: `
  at timestamptz := clock_timestamp();
  held record;
  begun record;
  told record;
  o record;
  wait jsonb;
  status_now text;
  before text;
  said text;
  body jsonb;
  is_found boolean;`,
  body: `${refuse([...idChecks('id'), ['dry_run IS NULL', `'dry_run must not be NULL'`]])}
  FOR round IN 1..2 LOOP
    IF dry_run THEN
      SELECT ${heldColumns} INTO held FROM delegations d WHERE d.delegation_id = id;
    ELSE
      SELECT ${heldColumns} INTO held FROM delegations d WHERE d.delegation_id = id FOR NO KEY UPDATE;
    END IF;
    is_found := FOUND;
    status_now := held.status;${readLife}
    IF is_found THEN
      EXIT;
    END IF;${whereMissing}
    -- A row that was made and deleted again meanwhile is left to the next run.
    IF round = 2 THEN
      RETURN;
    END IF;
  END LOOP;
  at := clock_timestamp();
  IF status_now <> told.to_status AND begun.created_at < held.created_at THEN
    -- That is the activity of an earlier delegation of this id. This one has none.
    begun.activity_id := told.activity_id + 1;
    told.activity_id := NULL;
    told.to_status := NULL;
    told.detail := '{}';
  END IF;
  said := coalesce(held.said, told.detail ->> 'resultPreview', ${errorDetail});
  SELECT a.response_body INTO body FROM activity_logs a WHERE a.activity_id = told.activity_id;
  IF ${isReachable('status_now', 'told.to_status')} THEN${whereBehind}
  ELSIF status_now IS DISTINCT FROM told.to_status AND (told.to_status IS NOT NULL
    -- Unless the retention removed the activity, and keeps the row.
    OR (held.finished_at < (SELECT r.activity_before FROM sweeper_retention r)) IS NOT TRUE)
  THEN${whereAhead}
  END IF;${otherEnds}${orphanResults}`,
};
