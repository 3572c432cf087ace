import { brought, type Case, HOUR_MS, insert, ROLE, setStatus } from '../case.ts';

// What a client does by statements of its own: the database keeps status and activity alike, and its guard stands.

const insertPlain = (id: string, columns = '', values = '') =>
  `INSERT INTO delegations (delegation_id, caller_id, callee_id, task_preview${columns})
   VALUES ('${id}', 'caller', 'callee', 'task'${values})`;

export const foreignCases: readonly Case[] = [
  {
    title: 'a plain UPDATE of a status has its activity when it is committed',
    steps: [
      insert('a'),
      { sql: `UPDATE delegations SET status = 'in_progress' WHERE delegation_id = 'a'` },
      { sql: `UPDATE delegations SET status = 'completed', result_preview = 'r' WHERE delegation_id = 'a'` },
      setStatus('a', 'completed', { outcome: 'unchanged' }),
    ],
    rows: {
      a: { is: { status: 'completed' }, holds: ['finished_at IS NOT NULL AND last_heartbeat IS NOT NULL'] },
    },
    activity: {
      a: [
        { event: 'delegation.queued', actor: 'ledger' },
        { event: 'delegation.in_progress', from_status: 'queued', to_status: 'in_progress', actor: ROLE },
        { event: 'delegation.completed', from_status: 'in_progress', to_status: 'completed', actor: ROLE },
      ],
    },
  },
  {
    title: 'a plain INSERT has its activity, in any status',
    steps: [
      { sql: insertPlain('queued') },
      { sql: insertPlain('begun', ', status', `, 'in_progress'`) },
      { sql: insertPlain('over', ', status, error_detail', `, 'failed', 'why'`) },
      setStatus('begun', 'completed', { outcome: 'changed', from: 'in_progress' }),
    ],
    rows: {
      begun: { holds: ['last_heartbeat IS NOT NULL'] },
      over: { holds: ['finished_at IS NOT NULL'] },
    },
    activity: {
      queued: [{ event: 'delegation.queued', from_status: null, to_status: 'queued', actor: ROLE }],
      begun: [
        { event: 'delegation.in_progress', from_status: null, to_status: 'in_progress', actor: ROLE },
        { event: 'delegation.completed', from_status: 'in_progress', actor: 'ledger' },
      ],
      over: [{ event: 'delegation.failed', from_status: null, to_status: 'failed', actor: ROLE }],
    },
  },
  {
    title: 'several transitions in one transaction have their activities in order',
    steps: [
      {
        sql: `BEGIN; ${insertPlain('a')}; UPDATE delegations SET status = 'dispatched' WHERE delegation_id = 'a';
          UPDATE delegations SET status = 'completed' WHERE delegation_id = 'a'; COMMIT`,
      },
    ],
    activity: {
      a: [
        { event: 'delegation.queued', from_status: null },
        { event: 'delegation.dispatched', from_status: 'queued' },
        { event: 'delegation.completed', from_status: 'dispatched' },
      ],
    },
  },
  {
    title: 'a client that records the activity itself, in the same transaction, has it once',
    steps: [
      insert('a'),
      {
        sql: `WITH moved AS (
            UPDATE delegations SET status = 'in_progress', updated_at = statement_timestamp(), last_heartbeat = statement_timestamp()
            WHERE delegation_id = 'a' RETURNING delegation_id)
          INSERT INTO activity_logs (delegation_id, event, from_status, to_status, actor)
          SELECT delegation_id, 'delegation.in_progress', 'queued', 'in_progress', 'somebody' FROM moved`,
      },
    ],
    activity: {
      a: [
        { event: 'delegation.queued' },
        { event: 'delegation.in_progress', from_status: 'queued', actor: 'somebody' },
      ],
    },
  },
  {
    title: 'a backward transition is refused to every client',
    steps: [
      ...brought('a', 'in_progress'),
      ...brought('b', 'stuck'),
      { sql: `UPDATE delegations SET status = 'queued' WHERE delegation_id = 'a'`, sqlState: '23514' },
      { sql: `UPDATE delegations SET status = 'completed' WHERE delegation_id = 'b'`, sqlState: '23514' },
    ],
    rows: { a: { is: { status: 'in_progress' } }, b: { is: { status: 'stuck' } } },
  },
  {
    title: 'a plain UPDATE that begins a wait moves the deadline, and one that ends it moves it back',
    steps: [
      ...brought('a', 'in_progress', { deadlineMs: HOUR_MS }),
      {
        sql: `UPDATE delegations SET waiting_since = statement_timestamp(), waiting_reason = 'a person',
          waiting_until = statement_timestamp() + interval '2 hours' WHERE delegation_id = 'a'`,
      },
      ...brought('b', 'in_progress', { deadlineMs: HOUR_MS }),
      {
        sql: `UPDATE delegations SET waiting_since = statement_timestamp(), waiting_reason = 'a person',
          waiting_until = statement_timestamp() + interval '2 hours' WHERE delegation_id = 'b'`,
      },
      { sql: `UPDATE delegations SET status = 'completed' WHERE delegation_id = 'b'` },
      ...brought('c', 'in_progress'),
      { sql: `UPDATE delegations SET waiting_reason = 'alone' WHERE delegation_id = 'c'`, sqlState: '23514' },
      { sql: `UPDATE delegations SET stuck_after_ms = 1 WHERE delegation_id = 'c'`, sqlState: '23514' },
    ],
    rows: {
      a: { holds: [`abs(extract(epoch FROM deadline - created_at) - 10800) < 60`] },
      b: {
        is: { waiting_since: null, waiting_until: null, waiting_reason: null },
        holds: [`abs(extract(epoch FROM deadline - created_at) - 3600) < 60`],
      },
    },
  },
];
