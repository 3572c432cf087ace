import { isOneOf } from '../../db/literal.ts';
import { detailColumnOf } from '../detail-column.ts';
import { isLateResult, mayBecome, type Status, statuses, terminalStatuses } from '../transitions.ts';
import { cutPreviews, idChecks, idsAreSuspect, listed } from './checks.ts';
import { publishLateResult } from './publish.ts';
import { type Check, refuse, type SchemaFunction } from './schema-function.ts';
import { statusPairs } from './status-pairs.ts';

const withDetail = (column: ReturnType<typeof detailColumnOf>) =>
  statuses.filter((status) => detailColumnOf(status) === column);

/** SQL: for the pairs of a status found and one asked for that satisfy. */
const pairs = (satisfies: (from: Status, to: Status) => boolean) => statusPairs('from_status', 'to_status', satisfies);

const goesWith = (name: string, accepted: readonly Status[]) =>
  [
    `${name} IS NOT NULL AND NOT ${isOneOf('status', accepted)}`,
    `format('${name} goes with ${accepted.join(' and ')} only, not with %s', status)`,
  ] as const;

const checksOfStatus: readonly Check[] = [
  [`(${isOneOf('status', statuses)}) IS NOT TRUE`, `'status must be one of ' || ${listed(statuses)}`],
  goesWith('error_detail', withDetail('error_detail')),
  goesWith('result_preview', withDetail('result_preview')),
];

const checks: readonly Check[] = [...idChecks('id'), ...idChecks('actor'), ...checksOfStatus];

/**
 * Moves a delegation forward, with its activity: lock, judge, move, record. Each step is a statement with its own snapshot,
 * so that it judges the row as the session left it for whose lock it waited. In the model: set_status.
 */
export const setStatusFunction: SchemaFunction = {
  name: 'delegation_set_status',
  parameters: `id text, status text, error_detail text DEFAULT NULL, result_preview text DEFAULT NULL,
  response_body jsonb DEFAULT NULL, actor text DEFAULT 'ledger',
  OUT outcome text, OUT from_status text, OUT to_status text, OUT late_result boolean`,
  types: 'text, text, text, text, jsonb, text',
  declare: `
  at timestamptz;
  is_written_here boolean;
  held text;
  detail_text text;
  detail jsonb := '{}';
  recorded bigint;`,
  body: `${refuse(checks, [idsAreSuspect('id', 'actor'), ...checksOfStatus.map(([condition]) => `(${condition})`)].join('\n    OR '))}${cutPreviews('error_detail', 'result_preview')}
  to_status := status;
  late_result := false;
  IF error_detail IS NOT NULL OR result_preview IS NOT NULL THEN
    detail_text := coalesce(error_detail, result_preview);
    detail := jsonb_strip_nulls(jsonb_build_object('errorDetail', error_detail, 'resultPreview', result_preview));
  END IF;
  SELECT d.status, CASE WHEN to_status = 'completed' THEN d.result_preview ELSE d.error_detail END, age(d.xmin) <= 0
  INTO from_status, held, is_written_here
  FROM delegations d WHERE d.delegation_id = id FOR NO KEY UPDATE;
  IF NOT FOUND THEN
    INSERT INTO activity_logs (delegation_id, event, actor, detail, response_body)
    VALUES (id, 'delegation.orphan_update', delegation_set_status.actor,
      jsonb_build_object('attempted', to_status) || detail, delegation_set_status.response_body)
    ON CONFLICT DO NOTHING;
    outcome := 'missing';
    RETURN;
  END IF;
  IF is_written_here THEN
    -- Perhaps by a plain statement of this transaction, whose activity the database adds only at its end: now, so that it
    -- comes before this one. A newer transaction that has committed does no harm.
    SET CONSTRAINTS delegations_symmetry_insert, delegations_symmetry_update IMMEDIATE;
    SET CONSTRAINTS delegations_symmetry_insert, delegations_symmetry_update DEFERRED;
  END IF;
  IF ${pairs(mayBecome)}
  THEN
    at := clock_timestamp();
    UPDATE delegations d SET status = to_status, updated_at = at, revision = d.revision + 1,
      last_heartbeat = CASE WHEN to_status = 'in_progress' THEN greatest(d.last_heartbeat, at) ELSE d.last_heartbeat END,
      finished_at = CASE WHEN ${isOneOf('to_status', terminalStatuses)} THEN at END,
      error_detail = coalesce(delegation_set_status.error_detail, d.error_detail),
      result_preview = coalesce(delegation_set_status.result_preview, d.result_preview)
    WHERE d.delegation_id = id;
    INSERT INTO activity_logs (delegation_id, event, from_status, to_status, actor, detail, response_body)
    VALUES (id, 'delegation.' || to_status, delegation_set_status.from_status, delegation_set_status.to_status,
      delegation_set_status.actor, detail, delegation_set_status.response_body);
    outcome := 'changed';
    RETURN;
  END IF;
  IF from_status = to_status THEN
    outcome := 'unchanged';
    IF held IS NULL AND detail_text IS NOT NULL THEN
      held := detail_text;
      UPDATE delegations d SET error_detail = coalesce(d.error_detail, delegation_set_status.error_detail),
        result_preview = coalesce(d.result_preview, delegation_set_status.result_preview)
      WHERE d.delegation_id = id;
    END IF;
    -- The same end again is a late result where its detail or body is another one. Neither of those held ever changes.
    late_result := ${isOneOf(
      'to_status',
      statuses.filter((status) => isLateResult(status, status, true)),
    )} AND (detail_text IS NOT NULL AND detail_text IS DISTINCT FROM held
      OR response_body IS NOT NULL AND response_body IS DISTINCT FROM (
        SELECT a.response_body FROM activity_logs a
        WHERE a.delegation_id = id AND a.to_status = delegation_set_status.to_status
        ORDER BY a.activity_id DESC LIMIT 1));
  ELSE
    outcome := 'refused';
    late_result := ${pairs((from, to) => from !== to && isLateResult(from, to, false))};
    IF detail_text IS NOT NULL OR response_body IS NOT NULL THEN
      late_result := ${pairs((from, to) => from !== to && isLateResult(from, to, true))};
    END IF;
  END IF;
  IF late_result THEN
    INSERT INTO activity_logs (delegation_id, event, from_status, actor, detail, response_body)
    VALUES (id, 'delegation.late_result', delegation_set_status.from_status, delegation_set_status.actor,
      jsonb_build_object('attempted', to_status) || detail, delegation_set_status.response_body)
    ON CONFLICT DO NOTHING RETURNING activity_id INTO recorded;
    IF recorded IS NOT NULL THEN${publishLateResult}
    END IF;
  END IF;`,
};
