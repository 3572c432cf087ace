/**
 * What version 0.1.0 sends, as it sends it: its library's statements and its daemon's, without the readings of the status
 * page. Its programs go on working while a ledger is brought up to date under them. Never to be changed.
 */
export const oldStatements = {
  /** $1 id, $2 caller, $3 callee, $4 preview, $5 key, $6 deadline, $7 or ms until it, $8 request. */
  insert: `WITH inserted AS (
  INSERT INTO "delegations"
    (delegation_id, caller_id, callee_id, task_preview, idempotency_key, deadline, created_at, updated_at)
  VALUES ($1, $2, $3, $4, $5,
    coalesce($6::timestamptz, statement_timestamp() + $7::float8 * interval '1 millisecond'),
    statement_timestamp(), statement_timestamp())
  ON CONFLICT DO NOTHING
  RETURNING delegation_id, status),
recorded AS (
  INSERT INTO "activity_logs" (delegation_id, event, to_status, actor, request_body)
  SELECT delegation_id, 'delegation.' || status, status, 'ledger', $8::jsonb FROM inserted)
SELECT delegation_id AS "delegationId", status AS "status" FROM inserted`,
  /** $1 id, $2 detail, $3 actor, $4 and $6 as JSON, $5 response. */
  toInProgress: `WITH picked AS MATERIALIZED (
  SELECT delegation_id, status, $2::text AS detail
  FROM "delegations" WHERE delegation_id = $1 FOR NO KEY UPDATE),

moved AS (
  UPDATE "delegations" d SET status = 'in_progress', updated_at = clock_timestamp(), last_heartbeat = greatest(d.last_heartbeat, clock_timestamp())
  FROM picked p
  WHERE d.delegation_id = p.delegation_id AND p.status IN ('queued', 'dispatched')
  RETURNING d.delegation_id, p.status AS from_status),
recorded AS (
  INSERT INTO "activity_logs" (delegation_id, event, from_status, to_status, actor, detail, response_body)
  SELECT m.delegation_id, 'delegation.in_progress', m.from_status, 'in_progress', $3::text, $4::jsonb, $5::jsonb
  FROM moved m),

late AS (
  INSERT INTO "activity_logs" (delegation_id, event, from_status, actor, detail, response_body)
  SELECT $1, 'delegation.late_result', (SELECT status FROM picked), $3, $6::jsonb, $5::jsonb
  WHERE EXISTS (SELECT FROM picked p WHERE false)
  ON CONFLICT DO NOTHING),
orphan AS (
  INSERT INTO "activity_logs" (delegation_id, event, from_status, actor, detail, response_body)
  SELECT $1, 'delegation.orphan_update', NULL::text, $3, $6::jsonb, $5::jsonb
  WHERE NOT EXISTS (SELECT FROM picked)
  ON CONFLICT DO NOTHING)
SELECT p.status AS "from", EXISTS (SELECT FROM moved) AS "moved", false AS "lateResult"
FROM picked p`,
  /** $1 id, $2 debounce in ms. */
  heartbeat: `SELECT "delegation_heartbeat"($1, $2) AS "answer"`,
  /** $1 ids, $2 debounce in ms. */
  heartbeatMany: `WITH seen AS MATERIALIZED (
  SELECT d.delegation_id, d.status, d.finished_at IS NOT NULL AS terminal, d.finished_at IS NULL AND (d.last_heartbeat IS NULL OR d.last_heartbeat <= clock_timestamp()
    - least($2::float8, s.stuck_after_ms::float8 / 10) * interval '1 millisecond') AS due, s.stuck_after_ms
  FROM "delegations" d LEFT JOIN "sweeper_state" s ON s.singleton
  WHERE d.delegation_id = ANY(ARRAY(SELECT unnest($1::text[])))),
locked AS MATERIALIZED (
  SELECT d.delegation_id FROM "delegations" d
  WHERE d.delegation_id = ANY(ARRAY(SELECT delegation_id FROM seen WHERE due)) AND d.status IN ('queued', 'dispatched', 'in_progress')
  ORDER BY d.delegation_id FOR NO KEY UPDATE),
stamped AS (
  UPDATE "delegations" d SET last_heartbeat = greatest(d.last_heartbeat, clock_timestamp()) FROM locked WHERE d.delegation_id = locked.delegation_id
  RETURNING d.delegation_id)
SELECT seen.delegation_id AS "delegationId", seen.status AS "status", seen.terminal AS "terminal",
  seen.due AS "due", seen.stuck_after_ms::float8 AS "stuckAfterMs", stamped.delegation_id IS NOT NULL AS "stamped"
FROM seen LEFT JOIN stamped ON stamped.delegation_id = seen.delegation_id`,
  /** as toInProgress. */
  toCompleted: `WITH picked AS MATERIALIZED (
  SELECT delegation_id, status, result_preview AS detail
  FROM "delegations" WHERE delegation_id = $1 FOR NO KEY UPDATE),

moved AS (
  UPDATE "delegations" d SET status = 'completed', updated_at = clock_timestamp(), finished_at = clock_timestamp(), result_preview = $2::text
  FROM picked p
  WHERE d.delegation_id = p.delegation_id AND p.status IN ('dispatched', 'in_progress')
  RETURNING d.delegation_id, p.status AS from_status),
recorded AS (
  INSERT INTO "activity_logs" (delegation_id, event, from_status, to_status, actor, detail, response_body)
  SELECT m.delegation_id, 'delegation.completed', m.from_status, 'completed', $3::text, $4::jsonb, $5::jsonb
  FROM moved m),

filled AS (
  UPDATE "delegations" d SET result_preview = $2::text FROM picked p
  WHERE d.delegation_id = p.delegation_id AND p.status = 'completed' AND p.detail IS NULL AND $2 IS NOT NULL),
late AS (
  INSERT INTO "activity_logs" (delegation_id, event, from_status, actor, detail, response_body)
  SELECT $1, 'delegation.late_result', (SELECT status FROM picked), $3, $6::jsonb, $5::jsonb
  WHERE EXISTS (SELECT FROM picked p WHERE p.status IN ('failed', 'stuck'))
  ON CONFLICT DO NOTHING),
orphan AS (
  INSERT INTO "activity_logs" (delegation_id, event, from_status, actor, detail, response_body)
  SELECT $1, 'delegation.orphan_update', NULL::text, $3, $6::jsonb, $5::jsonb
  WHERE NOT EXISTS (SELECT FROM picked)
  ON CONFLICT DO NOTHING)
SELECT p.status AS "from", EXISTS (SELECT FROM moved) AS "moved", p.status IN ('failed', 'stuck') AS "lateResult"
FROM picked p`,
  /** as toInProgress. */
  toFailed: `WITH picked AS MATERIALIZED (
  SELECT delegation_id, status, error_detail AS detail
  FROM "delegations" WHERE delegation_id = $1 FOR NO KEY UPDATE),

moved AS (
  UPDATE "delegations" d SET status = 'failed', updated_at = clock_timestamp(), finished_at = clock_timestamp(), error_detail = $2::text
  FROM picked p
  WHERE d.delegation_id = p.delegation_id AND p.status IN ('queued', 'dispatched', 'in_progress')
  RETURNING d.delegation_id, p.status AS from_status),
recorded AS (
  INSERT INTO "activity_logs" (delegation_id, event, from_status, to_status, actor, detail, response_body)
  SELECT m.delegation_id, 'delegation.failed', m.from_status, 'failed', $3::text, $4::jsonb, $5::jsonb
  FROM moved m),

filled AS (
  UPDATE "delegations" d SET error_detail = $2::text FROM picked p
  WHERE d.delegation_id = p.delegation_id AND p.status = 'failed' AND p.detail IS NULL AND $2 IS NOT NULL),
late AS (
  INSERT INTO "activity_logs" (delegation_id, event, from_status, actor, detail, response_body)
  SELECT $1, 'delegation.late_result', (SELECT status FROM picked), $3, $6::jsonb, $5::jsonb
  WHERE EXISTS (SELECT FROM picked p WHERE p.status IN ('stuck'))
  ON CONFLICT DO NOTHING),
orphan AS (
  INSERT INTO "activity_logs" (delegation_id, event, from_status, actor, detail, response_body)
  SELECT $1, 'delegation.orphan_update', NULL::text, $3, $6::jsonb, $5::jsonb
  WHERE NOT EXISTS (SELECT FROM picked)
  ON CONFLICT DO NOTHING)
SELECT p.status AS "from", EXISTS (SELECT FROM moved) AS "moved", p.status IN ('stuck') AS "lateResult"
FROM picked p`,
  /** $1 id. */
  history: `SELECT activity_id::float8 AS "activityId", delegation_id AS "delegationId", event AS "event",
  from_status AS "fromStatus", to_status AS "toStatus", actor AS "actor", detail AS "detail",
  request_body AS "requestBody", response_body AS "responseBody", created_at AS "createdAt"
FROM "activity_logs" WHERE delegation_id = $1 ORDER BY activity_id`,
  /** $1 threshold in ms, $2 ms that make a gap. */
  beat: `WITH before AS MATERIALIZED (SELECT beat_at FROM "sweeper_state" WHERE singleton FOR UPDATE),
-- After the lock: of two daemons that come back at once, one records the gap and the other finds it closed.
tick AS MATERIALIZED (SELECT beat_at, clock_timestamp() AS now FROM before),
gap AS (
  INSERT INTO "sweeper_gaps" (gap_start, gap_end)
  SELECT beat_at, now FROM tick WHERE beat_at < now - $2::float8 * interval '1 millisecond'
  RETURNING gap_start, gap_end),
beaten AS (UPDATE "sweeper_state" SET beat_at = now, stuck_after_ms = $1::bigint FROM tick WHERE singleton)
SELECT (extract(epoch FROM tick.now) * 1000000)::float8 AS "nowUs", (extract(epoch FROM gap.gap_start) * 1000000)::float8 AS "startUs", (extract(epoch FROM gap.gap_end) * 1000000)::float8 AS "endUs"
FROM tick LEFT JOIN gap ON true`,
  /** $1 sweep. */
  open: `UPDATE "sweeper_state" s SET sweep_id = $1 WHERE singleton RETURNING (extract(epoch FROM clock_timestamp()) * 1000000)::float8 AS "nowUs", (extract(epoch FROM s.beat_at) * 1000000)::float8 AS "beatAtUs", s.sweep_id AS "leaseId",
  (extract(epoch FROM s.storm_held_since) * 1000000)::float8 AS "heldSinceUs", (extract(epoch FROM s.storm_released_at) * 1000000)::float8 AS "releasedAtUs",
  coalesce((SELECT json_agg(json_build_object('startUs', (extract(epoch FROM gap_start) * 1000000)::float8, 'endUs', (extract(epoch FROM gap_end) * 1000000)::float8))
            FROM "sweeper_gaps"), '[]') AS "gaps"`,
  /** $1 now, $2 horizon, $3 sweep, $4 threshold, $5 rows, $6 ids to leave out, $7 to $10 the range. */
  markOverdue: `WITH picked AS MATERIALIZED (
  SELECT d.ctid AS place, d.delegation_id, d.status
  FROM "delegations" d
  WHERE d.finished_at IS NULL AND d.deadline < ('1970-01-01 00:00:00+00'::timestamptz + $1::float8 * interval '1 microsecond') AND $2::float8 IS NOT NULL
    AND (d.deadline, d.delegation_id) > (CASE WHEN $7::float8 = '-infinity' THEN '-infinity' ELSE ('1970-01-01 00:00:00+00'::timestamptz + $7::float8 * interval '1 microsecond') END, $8::text) AND (d.deadline, d.delegation_id) <= (CASE WHEN $9::float8 = '-infinity' THEN '-infinity' ELSE ('1970-01-01 00:00:00+00'::timestamptz + $9::float8 * interval '1 microsecond') END, $10::text) AND d.delegation_id <> ALL($6::text[])
    AND (SELECT sweep_id FROM "sweeper_state" WHERE singleton) = $3::text
  ORDER BY d.deadline, d.delegation_id LIMIT $5::int FOR NO KEY UPDATE SKIP LOCKED),

moved AS (
  UPDATE "delegations" d SET status = 'failed', updated_at = clock_timestamp(), finished_at = clock_timestamp(), error_detail = 'deadline exceeded'
  FROM picked p
  WHERE d.ctid = p.place AND p.status IN ('queued', 'dispatched', 'in_progress')
  RETURNING d.delegation_id, p.status AS from_status, d.caller_id, d.callee_id, d.last_heartbeat, d.deadline, floor(date_part('epoch', ('1970-01-01 00:00:00+00'::timestamptz + $1::float8 * interval '1 microsecond') - d.deadline) * 1000 + 0.0005) AS lateness_ms),
recorded AS (
  INSERT INTO "activity_logs" (delegation_id, event, from_status, to_status, actor, detail, response_body)
  SELECT m.delegation_id, 'delegation.failed', m.from_status, 'failed', 'sweeper', jsonb_build_object('rule', 'overdue', 'sweepId', $3::text, 'lastHeartbeat', m.last_heartbeat,
      'deadline', m.deadline, 'overdueMs', m.lateness_ms), NULL::jsonb
  FROM moved m)
SELECT (SELECT sweep_id FROM "sweeper_state" WHERE singleton) AS "leaseId", m.delegation_id AS "delegationId", m.caller_id AS "callerId",
  m.callee_id AS "calleeId", m.from_status AS "fromStatus", floor(date_part('epoch', m.last_heartbeat) * 1000 + 0.0005) AS "lastHeartbeatMs",
  floor(date_part('epoch', m.deadline) * 1000 + 0.0005) AS "deadlineMs", m.lateness_ms AS "latenessMs"
FROM (VALUES ($4::float8)) one LEFT JOIN moved m ON true`,
  /** as markOverdue. */
  markStale: `WITH picked AS MATERIALIZED (
  SELECT d.ctid AS place, d.delegation_id, d.status
  FROM "delegations" d
  WHERE d.status = 'in_progress' AND d.heartbeat_bucket <= ('1970-01-01 00:00:00+00'::timestamptz + $2::float8 * interval '1 microsecond') AND d.last_heartbeat < ('1970-01-01 00:00:00+00'::timestamptz + $2::float8 * interval '1 microsecond')
    AND d.deadline >= ('1970-01-01 00:00:00+00'::timestamptz + $1::float8 * interval '1 microsecond')
    AND (d.heartbeat_bucket, d.delegation_id) > (CASE WHEN $7::float8 = '-infinity' THEN '-infinity' ELSE ('1970-01-01 00:00:00+00'::timestamptz + $7::float8 * interval '1 microsecond') END, $8::text) AND (d.heartbeat_bucket, d.delegation_id) <= (CASE WHEN $9::float8 = '-infinity' THEN '-infinity' ELSE ('1970-01-01 00:00:00+00'::timestamptz + $9::float8 * interval '1 microsecond') END, $10::text) AND d.delegation_id <> ALL($6::text[])
    AND (SELECT sweep_id FROM "sweeper_state" WHERE singleton) = $3::text
  ORDER BY d.heartbeat_bucket, d.delegation_id LIMIT $5::int FOR NO KEY UPDATE SKIP LOCKED),

moved AS (
  UPDATE "delegations" d SET status = 'stuck', updated_at = clock_timestamp(), finished_at = clock_timestamp(), error_detail = 'no heartbeat for ' || floor(extract(epoch FROM ('1970-01-01 00:00:00+00'::timestamptz + $1::float8 * interval '1 microsecond') - d.last_heartbeat)) || 's'
  FROM picked p
  WHERE d.ctid = p.place AND p.status IN ('in_progress')
  RETURNING d.delegation_id, p.status AS from_status, d.caller_id, d.callee_id, d.last_heartbeat, d.deadline, floor(date_part('epoch', ('1970-01-01 00:00:00+00'::timestamptz + $1::float8 * interval '1 microsecond') - d.last_heartbeat) * 1000 + 0.0005) AS lateness_ms),
recorded AS (
  INSERT INTO "activity_logs" (delegation_id, event, from_status, to_status, actor, detail, response_body)
  SELECT m.delegation_id, 'delegation.stuck', m.from_status, 'stuck', 'sweeper', jsonb_build_object('rule', 'stale', 'sweepId', $3::text, 'lastHeartbeat', m.last_heartbeat,
      'deadline', m.deadline, 'stuckAfterMs', $4::float8, 'silentMs', m.lateness_ms), NULL::jsonb
  FROM moved m)
SELECT (SELECT sweep_id FROM "sweeper_state" WHERE singleton) AS "leaseId", m.delegation_id AS "delegationId", m.caller_id AS "callerId",
  m.callee_id AS "calleeId", m.from_status AS "fromStatus", floor(date_part('epoch', m.last_heartbeat) * 1000 + 0.0005) AS "lastHeartbeatMs",
  floor(date_part('epoch', m.deadline) * 1000 + 0.0005) AS "deadlineMs", m.lateness_ms AS "latenessMs"
FROM (VALUES ($4::float8)) one LEFT JOIN moved m ON true`,
  /** $1 held since, $2 released at. */
  storm: `UPDATE "sweeper_state" SET storm_held_since = ('1970-01-01 00:00:00+00'::timestamptz + $1::float8 * interval '1 microsecond'),
  storm_released_at = ('1970-01-01 00:00:00+00'::timestamptz + $2::float8 * interval '1 microsecond')
WHERE singleton`,
  /** $1 to $14 the sweep, $15 whether it went through. */
  close: `WITH written AS (
  INSERT INTO "sweeper_sweeps" (sweep_id, started_at, trigger, stuck, failed, poisoned, remaining, truncated, held, batches,
    duration_ms, unobserved_ms, callees, marks)
  VALUES ($1, ('1970-01-01 00:00:00+00'::timestamptz + $2::float8 * interval '1 microsecond'), $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)),
pruned AS (DELETE FROM "sweeper_sweeps" WHERE started_at < ('1970-01-01 00:00:00+00'::timestamptz + $2::float8 * interval '1 microsecond') - interval '8 days')
UPDATE "sweeper_state" SET swept_at = clock_timestamp() WHERE singleton AND $15`,
} as const;
