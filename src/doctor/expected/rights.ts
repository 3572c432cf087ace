export const profiles = ['sweeper', 'writer', 'reader'] as const;

export type Profile = (typeof profiles)[number];

/** What deploy/postgres/roles.sql grants, by schema or table. Made by `UPDATE_EXPECTED=1 npm run -s test:unit -- test/doctor/expected`. */
export const expectedRights: Readonly<Record<Profile, Readonly<Record<string, string>>>> = {
  sweeper: {
    ledger: 'USAGE',
    'ledger.a2a_tasks': 'SELECT',
    'ledger.activity_logs':
      'INSERT (actor, delegation_id, detail, event, from_status, request_body, response_body, to_status); SELECT',
    'ledger.activity_logs_activity_id_seq': 'SELECT',
    'ledger.delegation_sweeper_migrations': 'SELECT',
    'ledger.delegations':
      'INSERT (attempt, callee_id, caller_id, created_at, deadline, delegation_id, error_detail, finished_at, idempotency_key, last_heartbeat, result_preview, retry_of, revision, stalled_after_ms, start_after, status, stuck_after_ms, task_preview, traceparent, updated_at, waiting_reason, waiting_since, waiting_until); SELECT; UPDATE (deadline, error_detail, finished_at, last_heartbeat, lowered_at, lowered_from_ms, progress, progress_at, result_preview, revision, stalled_from, status, suspect_at, updated_at, waiting_reason, waiting_since, waiting_until)',
    'ledger.sweeper_advice': 'DELETE; INSERT; SELECT; UPDATE',
    'ledger.sweeper_advice_state': 'SELECT; UPDATE (followed)',
    'ledger.sweeper_daemons': 'DELETE; INSERT; SELECT; UPDATE',
    'ledger.sweeper_gaps': 'DELETE; INSERT; SELECT; UPDATE',
    'ledger.sweeper_holds': 'DELETE; INSERT; SELECT; UPDATE',
    'ledger.sweeper_lowerings': 'DELETE; INSERT; SELECT; UPDATE',
    'ledger.sweeper_notices': 'DELETE; INSERT; SELECT; UPDATE',
    'ledger.sweeper_retention': 'SELECT; UPDATE',
    'ledger.sweeper_state': 'SELECT; UPDATE',
    'ledger.sweeper_sweeps': 'DELETE; INSERT; SELECT; UPDATE',
    'ledger.sweeper_threshold': 'SELECT; UPDATE',
    pgboss: 'USAGE',
    'pgboss.bam': 'SELECT',
    'pgboss.instance': 'DELETE; INSERT; SELECT; UPDATE',
    'pgboss.job': 'DELETE; INSERT; SELECT; UPDATE',
    'pgboss.job_common': 'DELETE; INSERT; SELECT; UPDATE',
    'pgboss.job_dependency': 'DELETE; INSERT; SELECT; UPDATE',
    'pgboss.queue': 'DELETE; INSERT; SELECT; UPDATE',
    'pgboss.queue_stats': 'DELETE; INSERT; SELECT; UPDATE',
    'pgboss.schedule': 'DELETE; INSERT; SELECT; UPDATE',
    'pgboss.subscription': 'DELETE; INSERT; SELECT; UPDATE',
    'pgboss.version': 'SELECT; UPDATE',
    'pgboss.warning': 'DELETE; INSERT; SELECT; UPDATE',
  },
  writer: {
    ledger: 'USAGE',
    'ledger.a2a_tasks': 'INSERT; SELECT; UPDATE (claimed_until, context_id, store_state, user_name)',
    'ledger.activity_logs':
      'INSERT (actor, delegation_id, detail, event, from_status, request_body, response_body, to_status); SELECT',
    'ledger.delegations':
      'INSERT; SELECT; UPDATE (deadline, error_detail, finished_at, last_heartbeat, lowered_at, lowered_from_ms, progress, progress_at, result_preview, revision, stalled_after_ms, status, stuck_after_ms, suspect_at, updated_at, waiting_reason, waiting_since, waiting_until)',
    'ledger.sweeper_lowerings': 'SELECT',
    'ledger.sweeper_state': 'SELECT',
    'ledger.sweeper_threshold': 'SELECT',
  },
  reader: {
    ledger: 'USAGE',
    'ledger.a2a_tasks': 'SELECT',
    'ledger.activity_logs': 'SELECT',
    'ledger.delegation_sweeper_migrations': 'SELECT',
    'ledger.delegations': 'SELECT',
    'ledger.sweeper_advice': 'SELECT',
    'ledger.sweeper_advice_state': 'SELECT',
    'ledger.sweeper_daemons': 'SELECT',
    'ledger.sweeper_gaps': 'SELECT',
    'ledger.sweeper_holds': 'SELECT',
    'ledger.sweeper_lowerings': 'SELECT',
    'ledger.sweeper_notices': 'SELECT',
    'ledger.sweeper_retention': 'SELECT',
    'ledger.sweeper_state': 'SELECT',
    'ledger.sweeper_sweeps': 'SELECT',
    'ledger.sweeper_threshold': 'SELECT',
    pgboss: 'USAGE',
    'pgboss.job': 'SELECT (blocked, completed_on, created_on, name, priority, state)',
    'pgboss.version': 'SELECT',
  },
};
