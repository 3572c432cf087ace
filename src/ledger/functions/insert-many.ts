import { DEADLINE_DEFAULT_MS } from '../deadline.ts';
import { INSERT_MANY_MAX } from '../limits.ts';
import { beginningOf } from './beginning.ts';
import { cutPreview } from './checks.ts';
import { insertChecks, insertSuspicion } from './insert.ts';
import { firstProblem, refuse, type SchemaFunction } from './schema-function.ts';

const element = `(id text, caller text, callee text, preview text, idempotency_key text, deadline timestamptz,
      deadline_ms float8, stuck_after_ms bigint, stalled_after_ms bigint, request_body jsonb, traceparent text)`;

const names =
  'id, caller, callee, preview, idempotency_key, deadline, deadline_ms, stuck_after_ms, stalled_after_ms, request_body, traceparent';

/**
 * Records many delegations, in order, each as delegation_insert does: a repetition within the list is a duplicate of the
 * earlier element. Returns one row for each, with its place from 1. `rows` is an array of objects with the arguments of
 * delegation_insert by name; one that is not accepted raises 22023, and names its place from 0.
 */
export const insertManyFunction: SchemaFunction = {
  name: 'delegation_insert_many',
  parameters: 'rows jsonb',
  types: 'jsonb',
  returns: 'TABLE (place bigint, outcome text, delegation_id text, status text)',
  declare: `
  at timestamptz := clock_timestamp();
  is_checked boolean := false;
  is_suspect boolean;
  inserted_ids text[];
  inserted_places bigint[];
  inserted_statuses text[];`,
  body: `${refuse([
    [
      `CASE WHEN jsonb_typeof(rows) = 'array' THEN jsonb_array_length(rows) <= ${INSERT_MANY_MAX} END IS NOT TRUE`,
      `'rows must be an array of at most ${INSERT_MANY_MAX} objects'`,
    ],
  ])}
  -- Looked at and inserted by one statement, which reads the list once. Where an element may not be accepted it inserts none.
  LOOP
    WITH given AS MATERIALIZED (
      SELECT * FROM ROWS FROM (jsonb_to_recordset(rows) AS ${element}) WITH ORDINALITY AS e (${names}, nr)),
    list AS MATERIALIZED (
      SELECT count(DISTINCT id) = count(*) AS ids_differ, NOT is_checked AND bool_or(${insertSuspicion}) AS is_suspect
      FROM given),
    inserted AS (
      INSERT INTO delegations AS d (delegation_id, caller_id, callee_id, task_preview, idempotency_key, deadline,
        stuck_after_ms, stalled_after_ms, traceparent, created_at, updated_at, revision)
      SELECT e.id, e.caller, e.callee, ${cutPreview('e.preview')}, e.idempotency_key,
        coalesce(e.deadline, at + coalesce(e.deadline_ms, ${DEADLINE_DEFAULT_MS}) * interval '1 millisecond'),
        e.stuck_after_ms, e.stalled_after_ms, e.traceparent, at, at, 1
      FROM given e, list l WHERE l.is_suspect IS NOT TRUE
      -- By key, or by id where there is none, so that two calls with the same ones in another order do not deadlock. Where
      -- an id repeats, the order of the list decides which element is recorded.
      ORDER BY CASE WHEN l.ids_differ THEN e.caller END, CASE WHEN l.ids_differ THEN e.idempotency_key END NULLS LAST,
        CASE WHEN l.ids_differ AND e.idempotency_key IS NULL THEN e.id END, e.nr
      ON CONFLICT DO NOTHING
      RETURNING d.delegation_id, d.caller_id, d.idempotency_key, d.status, ${beginningOf('d')} AS beginning),
    -- The element that each row came from: of two with one id, caller and key it is the first.
    placed AS (
      SELECT DISTINCT ON (i.delegation_id) i.delegation_id, i.status, i.beginning, e.nr, e.request_body
      FROM inserted i JOIN given e ON e.id = i.delegation_id AND e.caller = i.caller_id
        AND e.idempotency_key IS NOT DISTINCT FROM i.idempotency_key
      ORDER BY i.delegation_id, e.nr),
    recorded AS (
      INSERT INTO activity_logs (delegation_id, event, to_status, actor, detail, request_body)
      SELECT p.delegation_id, 'delegation.' || p.status, p.status, 'ledger', p.beginning, p.request_body
      FROM placed p ORDER BY p.nr)
    SELECT array_agg(p.delegation_id), array_agg(p.nr), array_agg(p.status), (SELECT l.is_suspect FROM list l)
    INTO inserted_ids, inserted_places, inserted_statuses, is_suspect FROM placed p;
    EXIT WHEN is_suspect IS NOT TRUE;
    SELECT format('rows[%s]: %s', e.nr - 1, e.problem) INTO problem
    FROM (SELECT nr, ${firstProblem(insertChecks)} AS problem
      FROM ROWS FROM (jsonb_to_recordset(rows) AS ${element}) WITH ORDINALITY AS given (${names}, nr)) e
    WHERE e.problem IS NOT NULL ORDER BY e.nr LIMIT 1;
    IF problem IS NOT NULL THEN
      RAISE EXCEPTION '%', problem USING ERRCODE = 'invalid_parameter_value';
    END IF;
    is_checked := true;
  END LOOP;
  IF cardinality(inserted_ids) = jsonb_array_length(rows) THEN
    RETURN QUERY SELECT p.nr, 'inserted', p.id, p.status
      FROM unnest(inserted_ids, inserted_places, inserted_statuses) p (id, nr, status) ORDER BY p.nr;
    RETURN;
  END IF;
  -- A separate statement: the winner of a race that ended while the insert waited is invisible to its snapshot.
  RETURN QUERY
    SELECT e.nr, CASE WHEN i.nr = e.nr THEN 'inserted' ELSE 'duplicate' END, h.delegation_id, h.status
    FROM ROWS FROM (jsonb_to_recordset(rows) AS ${element}) WITH ORDINALITY AS e (${names}, nr)
    LEFT JOIN unnest(inserted_ids, inserted_places) i (id, nr) ON i.id = e.id
    LEFT JOIN LATERAL (
      -- Except a delegation that only a later element of the list has recorded.
      (SELECT d.delegation_id, d.status FROM delegations d WHERE d.delegation_id = e.id AND (i.nr > e.nr) IS NOT TRUE)
      UNION ALL
      (SELECT d.delegation_id, d.status FROM delegations d
        WHERE d.caller_id = e.caller AND d.idempotency_key = e.idempotency_key)
      LIMIT 1) h ON true
    ORDER BY e.nr;`,
};
