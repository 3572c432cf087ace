import { DEADLINE_DEFAULT_MS } from '../deadline.ts';
import { INSERT_MANY_MAX } from '../limits.ts';
import { beginningOf } from './beginning.ts';
import { cutPreview } from './checks.ts';
import { insertChecks, insertSuspicion } from './insert.ts';
import { type ArrayName, arrayNames, elementsOf, neededArrays, parametersOf, typesOf } from './insert-many-arrays.ts';
import { type Check, firstProblem, refuse, type SchemaFunction } from './schema-function.ts';

const elements = (alias: string, names?: readonly ArrayName[]) => elementsOf('delegation_insert_many', alias, names);

const lengthChecks: readonly Check[] = [
  [`total > ${INSERT_MANY_MAX}`, `'ids must have at most ${INSERT_MANY_MAX} elements'`],
  ...arrayNames.map((name): Check => {
    const length = neededArrays.includes(name) ? `coalesce(cardinality(${name}), 0)` : `cardinality(${name})`;
    return [`${length} <> total`, `'${name} must have as many elements as ids'`];
  }),
];

/** By the key, or by the id where there is none: two calls with the same delegations in another order do not deadlock. */
const lockingOrder = `coalesce(e.caller || ' ' || e.idempotency_key, e.id) COLLATE "C"`;

/** PL/pgSQL: the rows and their activities. `places`: how to find the element `e` that each row `i` came from. */
function insertion(order: string, onConflict: string, places: { distinct: string; arrays: readonly ArrayName[] }) {
  return `
    WITH inserted AS (
      INSERT INTO delegations AS d (delegation_id, caller_id, callee_id, task_preview, idempotency_key, deadline,
        stuck_after_ms, stalled_after_ms, traceparent, created_at, updated_at, revision)
      SELECT e.id, e.caller, e.callee, ${cutPreview('e.preview')}, e.idempotency_key,
        coalesce(e.deadline, at + coalesce(e.deadline_ms, ${DEADLINE_DEFAULT_MS}) * interval '1 millisecond'),
        e.stuck_after_ms, e.stalled_after_ms, e.traceparent, at, at, 1
      FROM ${elements('e')}
      ORDER BY ${order} ${onConflict}
      RETURNING d.delegation_id, d.caller_id, d.idempotency_key, d.status, ${beginningOf('d')} AS beginning),
    placed AS (
      SELECT ${places.distinct} i.delegation_id, i.status, i.beginning, e.nr, e.request_body
      FROM inserted i JOIN ${elements('e', places.arrays)} ON e.id = i.delegation_id
      ${places.distinct && 'AND e.caller = i.caller_id AND e.idempotency_key IS NOT DISTINCT FROM i.idempotency_key'}
      ORDER BY ${places.distinct && 'i.delegation_id, '}e.nr),
    recorded AS (
      INSERT INTO activity_logs (delegation_id, event, to_status, actor, detail, request_body)
      SELECT p.delegation_id, 'delegation.' || p.status, p.status, 'ledger', p.beginning, p.request_body
      FROM placed p ORDER BY p.nr)
    SELECT array_agg(p.delegation_id), array_agg(p.nr), array_agg(p.status)
    INTO inserted_ids, inserted_places, inserted_statuses FROM placed p;`;
}

/**
 * Records many delegations, in order, each as delegation_insert does: a repetition within the list is a duplicate of the
 * earlier element. There is an array for each argument of delegation_insert; one that is NULL stands for NULLs. Returns one
 * row for each element, with its place from 1. One that is not accepted raises 22023, and names its place from 0.
 */
export const insertManyFunction: SchemaFunction = {
  name: 'delegation_insert_many',
  parameters: parametersOf(),
  types: typesOf(),
  returns: 'TABLE (place bigint, outcome text, delegation_id text, status text)',
  // Of arrays the planner expects ten elements each, and could compare each with each. What can only be nested loops then looks
  // so dear that each call would be compiled.
  settings: { enable_nestloop: 'off', jit: 'off' },
  declare: `
  at timestamptz := clock_timestamp();
  total CONSTANT integer := coalesce(cardinality(ids), 0);
  ids_differ boolean;
  inserted_ids text[];
  inserted_places bigint[];
  inserted_statuses text[];`,
  body: `${refuse(lengthChecks)}
  IF (SELECT bool_or(${insertSuspicion}) FROM ${elements('e')}) THEN
    SELECT format('rows[%s]: %s', e.nr - 1, e.problem) INTO problem
    FROM (SELECT given.nr, ${firstProblem(insertChecks)} AS problem FROM ${elements('given')}) e
    WHERE e.problem IS NOT NULL ORDER BY e.nr LIMIT 1;
    IF problem IS NOT NULL THEN
      RAISE EXCEPTION '%', problem USING ERRCODE = 'invalid_parameter_value';
    END IF;
  END IF;
  -- Mostly all are new. ON CONFLICT would look up and lock each before it is written, which costs a tenth of all.
  BEGIN${insertion(lockingOrder, '', { distinct: '', arrays: ['ids', 'request_bodies'] })}
  EXCEPTION WHEN unique_violation THEN
    ids_differ := (SELECT count(DISTINCT e.id) = count(*) FROM ${elements('e', ['ids'])});
    -- Where an id repeats, the order of the list decides which element is recorded. The row came from the first of those with
    -- its id, caller and key.${insertion(
      `CASE WHEN ids_differ THEN ${lockingOrder} END, e.nr`,
      'ON CONFLICT DO NOTHING',
      {
        distinct: 'DISTINCT ON (i.delegation_id)',
        arrays: ['ids', 'callers', 'idempotency_keys', 'request_bodies'],
      },
    )}
  END;
  IF cardinality(inserted_ids) = total THEN
    RETURN QUERY SELECT p.nr, 'inserted', p.id, p.status
      FROM unnest(inserted_ids, inserted_places, inserted_statuses) p (id, nr, status) ORDER BY p.nr;
    RETURN;
  END IF;
  -- A separate statement: the winner of a race that ended while the insert waited is invisible to its snapshot.
  RETURN QUERY
    SELECT e.nr, CASE WHEN i.nr = e.nr THEN 'inserted' ELSE 'duplicate' END, h.delegation_id, h.status
    FROM ${elements('e', ['ids', 'callers', 'idempotency_keys'])}
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
