import type { Mutation } from './mutation.ts';

/** Which scenarios detect it: see the setups of model.test.ts. */
export type SetupName = 'plain' | 'sequential' | 'interleaved' | 'simultaneous';

export interface Mutant extends Mutation {
  readonly name: string;
  readonly setup: SetupName;
}

/** Each rule of the ledger and the sweep with a change that breaks it. */
export const mutants: readonly Mutant[] = [
  {
    name: 'a sweep that counts unobserved time as silence',
    setup: 'plain',
    edits: [[`FROM "sweeper_gaps"), '[]')`, `FROM "sweeper_gaps" WHERE false), '[]')`]],
  },
  {
    name: 'a storm guard that takes one dead agent for a storm',
    setup: 'plain',
    edits: [['to_json((pg_catalog.count(*))::bigint) AS "callees"', 'to_json(2) AS "callees"']],
  },
  {
    name: 'a ledger that drops late results',
    setup: 'plain',
    edits: [['IF late_result THEN', 'IF false THEN']],
  },
  {
    name: 'a ledger that drops another result of the same status',
    setup: 'plain',
    edits: [
      ['AND detail_text IS DISTINCT FROM held', 'AND false'],
      [
        'OR response_body IS NOT NULL AND response_body IS DISTINCT FROM',
        'OR false AND response_body IS DISTINCT FROM',
      ],
    ],
  },
  {
    name: 'an insert that forgets the unique index of the idempotency key',
    setup: 'plain',
    edits: [
      [
        `ON CONFLICT DO NOTHING\n    RETURNING 'inserted'`,
        `ON CONFLICT ON CONSTRAINT delegations_pkey DO NOTHING\n    RETURNING 'inserted'`,
      ],
    ],
  },
  {
    name: 'a step to in_progress that leaves an old heartbeat',
    setup: 'plain',
    edits: [
      [
        `CASE WHEN to_status = 'in_progress' THEN greatest(d.last_heartbeat, at) ELSE d.last_heartbeat END`,
        'd.last_heartbeat',
      ],
    ],
  },
  {
    name: 'a database that does not add the activity of a plain UPDATE',
    setup: 'plain',
    edits: [
      [
        'WHERE NOT EXISTS (SELECT FROM %1$I.activity_logs',
        'WHERE false AND NOT EXISTS (SELECT FROM %1$I.activity_logs',
      ],
    ],
  },
  {
    name: 'a sweep that does not lock what it picks',
    setup: 'simultaneous',
    // By its key: a row looked up by its ctid would be missed after a concurrent update moved it.
    edits: [
      ['FOR NO KEY UPDATE SKIP LOCKED', ''],
      ['d.ctid = p.place', 'd.delegation_id = p.delegation_id'],
    ],
  },
  {
    name: 'a setStatus that does not lock what it judges',
    setup: 'simultaneous',
    edits: [
      [
        'FROM delegations d WHERE d.delegation_id = id FOR NO KEY UPDATE;\n  IF NOT FOUND THEN\n    INSERT',
        'FROM delegations d WHERE d.delegation_id = id;\n  IF NOT FOUND THEN\n    INSERT',
      ],
    ],
  },
  {
    name: 'a wait during which the deadline does not stand still',
    setup: 'sequential',
    edits: [['AND NEW.deadline = OLD.deadline THEN', 'AND false THEN']],
  },
  {
    name: 'a second wait that moves the deadline by its whole length again',
    setup: 'sequential',
    edits: [
      [
        '- greatest(OLD.waiting_until, at))',
        '- CASE WHEN NEW.waiting_until IS NULL THEN greatest(OLD.waiting_until, at) ELSE at END)',
      ],
    ],
  },
  {
    name: 'a resume that is no sign of life',
    setup: 'sequential',
    edits: [
      [
        'waiting_reason = NULL, updated_at = at,\n    last_heartbeat = greatest(d.last_heartbeat, at)',
        'waiting_reason = NULL, updated_at = at',
      ],
    ],
  },
  {
    name: 'a change of status that does not end the wait',
    setup: 'sequential',
    edits: [['IF has_moved AND is_update OR NEW.status IN', 'IF NEW.status IN']],
  },
  {
    name: 'a heartbeat that ends a wait',
    setup: 'sequential',
    edits: [
      [
        'last_heartbeat = greatest(d.last_heartbeat, at),\n',
        'waiting_until = NULL, waiting_since = NULL, waiting_reason = NULL, last_heartbeat = greatest(d.last_heartbeat, at),\n',
      ],
    ],
  },
  {
    name: 'an adjustment that moves a deadline earlier',
    setup: 'sequential',
    edits: [['OR deadline < held.deadline THEN', 'THEN']],
  },
  {
    name: 'a threshold that shrinks under an agent that does not know',
    setup: 'sequential',
    edits: [['IF coalesce(NEW.stuck_after_ms, in_force_ms, 600000) < effective_ms THEN', 'IF false THEN']],
  },
  {
    name: 'a heartbeat that loses what the agent says about its progress',
    setup: 'sequential',
    edits: [['progress_at = at', 'progress_at = d.progress_at']],
  },
  {
    name: 'lack of progress that counts from before the work began',
    setup: 'sequential',
    edits: [['WHEN has_moved OR NEW.stalled_after_ms IS DISTINCT', 'WHEN NEW.stalled_after_ms IS DISTINCT']],
  },
  {
    name: 'a bound that finds delegations with limits of their own too late',
    setup: 'sequential',
    edits: [[`in_force_ms, 1000) * interval '1 millisecond'`, `in_force_ms, 1000) * interval '3 milliseconds'`]],
  },
  {
    name: 'a guard that lets a client that knows no waits mark what waits',
    setup: 'sequential',
    edits: [[`IF has_moved AND NEW.status = 'stuck' AND NEW.revision = OLD.revision`, 'IF false']],
  },
  {
    name: 'a sweep that ignores waits',
    setup: 'sequential',
    edits: [
      ['(d.waiting_until IS NULL OR d.waiting_until <=', '(true OR d.waiting_until <='],
      ['greatest(d.last_heartbeat, d.waiting_until)', 'd.last_heartbeat'],
    ],
  },
  {
    name: 'a sweep that counts the time of a wait that has passed as silence',
    setup: 'sequential',
    edits: [['greatest(d.last_heartbeat, d.waiting_until)', 'd.last_heartbeat']],
  },
  {
    name: 'a sweep that judges all by one threshold',
    setup: 'sequential',
    edits: [['coalesce(d.stuck_after_ms, (CASE', 'coalesce(NULL::bigint, (CASE']],
  },
  {
    name: 'a sweep that judges by a lowered threshold before the agent was heard',
    setup: 'sequential',
    edits: [['CASE WHEN d.lowered_at >= d.last_heartbeat THEN d.lowered_from_ms END', 'NULL::bigint']],
  },
  {
    name: 'a sweep that counts unobserved time where the threshold is a delegation’s own',
    setup: 'sequential',
    edits: [[`-> 'gaps') = 0 THEN interval '0'`, `-> 'gaps') >= 0 THEN interval '0'`]],
  },
  {
    name: 'a sweep that forgets those that never said how far they are',
    setup: 'sequential',
    edits: [['greatest(d.progress_at, d.stalled_from, d.waiting_until)', 'greatest(d.progress_at, d.waiting_until)']],
  },
];
