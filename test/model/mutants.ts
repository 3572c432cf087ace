import type { Status } from '../../src/ledger/transitions.ts';
import { type Mutant, story } from './mutant.ts';
import { mutantsOfRetries } from './mutants-of-retries.ts';
import { mutantsOfStorms } from './mutants-of-storms.ts';
import { mutantsOfThresholds } from './mutants-of-thresholds.ts';
import type { Operation, Scenario } from './operation.ts';

const id = 'd0';
const pass = (ticks: number, observed = true): Operation => ({ op: 'advance', ticks, observed });
const mayStallFor = (stalledTicks: number): Operation => ({ op: 'adjust', id, stalledTicks });
const waitFor = (ticks: number): Operation => ({ op: 'wait', id, ticks, reason: 'a person' });
const resume: Operation = { op: 'resume', id };
const sweep: Operation = { op: 'sweep', force: false };
const heartbeat = (progress: string | null = null): Operation => ({ op: 'heartbeat', id, progress });
const step = (to: Status): Operation => ({ op: 'setStatus', id, to, text: null, body: null });

const seven = ['d0', 'd1', 'd2', 'd3', 'd4', 'd5', 'd6'] as const;
const allInProgress = seven.map(() => 'in_progress' as const);

/**
 * Seven agents that have all been silent for too long are heard, each in a transaction that stays open, during a sweep: in each round
 * later, since how long the sweep takes until it picks is the machine's.
 */
function heardDuringSweeps(rounds: number): Scenario {
  const heard = (ids: readonly (typeof seven)[number][]) =>
    ids.map((each) => ({ operation: { op: 'heartbeat', id: each, progress: null }, hold: 'commit' }) as const);
  const [first, ...others] = seven;
  const steps = Array.from({ length: rounds }, (_, round) => {
    const before = Array.from({ length: 2 ** round }, () => first);
    const sessions = [
      [{ operation: { op: 'sweep', force: false }, hold: 'no' }],
      heard([...before, ...others.slice(0, 3)]),
      heard([...before, ...others.slice(3)]),
    ] as const;
    return [
      { step: 'together', sessions, picks: [0] },
      { step: 'alone', session: 0, operation: pass(12) },
    ] as const;
  });
  return { start: allInProgress, callees: 1, firstSilence: 12, steps: steps.flat() };
}

/** Two sessions end each of seven delegations at once, each way in a transaction that holds its lock for a moment. */
function twoEnds(): Scenario {
  const steps = seven.map((each) => {
    const ends = (['completed', 'failed'] as const).map((to) => {
      const operation = { op: 'setStatus', id: each, to, text: null, body: null } as const;
      return [{ operation, hold: 'commit' }] as const;
    });
    return { step: 'together', sessions: ends, picks: [0] } as const;
  });
  return { start: allInProgress, callees: 1, firstSilence: 0, steps };
}

/**
 * An operator holds while a sweep is under way, earlier and later in it, and then moves each deadline: what a batch marks after
 * that, it marks during the hold.
 */
function heldDuringSweeps(): Scenario {
  const deadlines = seven.map((each) => ({ op: 'adjust', id: each, deadlineTicks: 200 }) as const);
  const turns = [{ op: 'hold', ticks: 20 } as const, ...deadlines].map(
    (operation) => ({ operation, hold: 'no' }) as const,
  );
  const sessions = [[{ operation: { op: 'sweep', force: false }, hold: 'no' }], turns] as const;
  const rounds = Array.from({ length: 14 }, (_, before) => [
    { step: 'alone', session: 0, operation: { op: 'release' } } as const,
    { step: 'together', sessions, picks: [...Array(before).fill(0), ...Array(9).fill(1)] } as const,
  ]);
  return { start: allInProgress, callees: 1, firstSilence: 12, steps: rounds.flat() };
}

/** Each rule of the ledger and the sweep with a change that breaks it. */
export const mutants: readonly Mutant[] = [
  {
    name: 'a sweep that counts unobserved time as silence',
    setup: 'plain',
    witness: story('in_progress', { op: 'beat' }, pass(12, false), { op: 'beat' }, sweep),
    edits: [[`FROM "sweeper_gaps"), '[]')`, `FROM "sweeper_gaps" WHERE false), '[]')`]],
  },
  {
    name: 'a storm guard that takes one dead agent for a storm',
    setup: 'plain',
    witness: {
      start: allInProgress,
      callees: 1,
      firstSilence: 12,
      steps: [{ step: 'alone', session: 0, operation: sweep }],
    },
    edits: [['to_json((pg_catalog.count(*))::bigint) AS "callees"', 'to_json(2) AS "callees"']],
  },
  {
    name: 'a sweep that ignores an operator’s hold',
    setup: 'plain',
    witness: story('in_progress', { op: 'hold', ticks: 20 }, pass(12), sweep),
    edits: [['h.held_until > pg_catalog.', 'false AND h.held_until > pg_catalog.']],
  },
  {
    name: 'a sweep that looks for an operator’s hold when it begins, and not in its batches',
    setup: 'interleaved',
    witness: heldDuringSweeps(),
    edits: [['h.held_until > pg_catalog.statement_timestamp()', 'false']],
  },
  {
    name: 'a ledger that drops late results',
    setup: 'plain',
    witness: story('in_progress', step('completed'), step('failed')),
    edits: [['IF late_result THEN', 'IF false THEN']],
  },
  {
    name: 'a ledger that drops another result of the same status',
    setup: 'plain',
    witness: story('in_progress', step('completed'), {
      op: 'setStatus',
      id,
      to: 'completed',
      text: null,
      body: { answer: 1 },
    }),
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
    witness: story('queued', {
      op: 'insert',
      id: 'd1',
      caller: 'caller-0',
      callee: 'callee-0',
      key: 'key-0',
      deadlineTicks: 20,
      ownTicks: null,
      stalledTicks: null,
    }),
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
    witness: story('queued', heartbeat(), pass(3), step('in_progress')),
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
    witness: story('queued', { op: 'foreign', id, to: 'dispatched' }),
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
    witness: heardDuringSweeps(6),
    // By its key: a row looked up by its ctid would be missed after a concurrent update moved it. The wait before each row
    // is time for the heartbeats to commit.
    edits: [
      ['FOR NO KEY UPDATE SKIP LOCKED', ''],
      ['d.ctid = p.place', 'd.delegation_id = p.delegation_id AND pg_sleep(0.05) IS NOT NULL'],
    ],
  },
  {
    name: 'a setStatus that does not lock what it judges',
    setup: 'simultaneous',
    witness: twoEnds(),
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
    witness: story('in_progress', waitFor(10)),
    edits: [['AND NEW.deadline = OLD.deadline THEN', 'AND false THEN']],
  },
  {
    name: 'a second wait that moves the deadline by its whole length again',
    setup: 'sequential',
    witness: story('in_progress', waitFor(10), waitFor(20)),
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
    witness: story('in_progress', waitFor(10), pass(3), resume),
    edits: [
      [
        'waiting_reason = NULL, updated_at = at,\n    last_heartbeat = greatest(d.last_heartbeat, at)',
        'waiting_reason = NULL, updated_at = at',
      ],
      ['IF NOT has_moved AND OLD.waiting_until IS NOT NULL AND NEW.waiting_until IS NULL THEN', 'IF false THEN'],
    ],
  },
  {
    name: 'a change of status that does not end the wait',
    setup: 'sequential',
    witness: story('dispatched', waitFor(10), step('in_progress')),
    edits: [['IF has_moved AND is_update OR NEW.status IN', 'IF NEW.status IN']],
  },
  {
    name: 'a heartbeat that ends a wait',
    setup: 'sequential',
    witness: story('in_progress', waitFor(10), pass(3), heartbeat()),
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
    witness: story('in_progress', { op: 'adjust', id, deadlineTicks: 5 }),
    edits: [['IF deadline < held_deadline THEN', 'IF false THEN']],
  },
  {
    name: 'a heartbeat that loses what the agent says about its progress',
    setup: 'sequential',
    witness: story('in_progress', pass(3), heartbeat('half')),
    edits: [['progress_at = at', `progress_at = at - interval '9 hours'`]],
  },
  {
    name: 'lack of progress that counts from before the work began',
    setup: 'sequential',
    witness: story('queued', mayStallFor(4), pass(6), step('in_progress'), sweep),
    edits: [['WHEN has_moved OR NEW.stalled_after_ms IS DISTINCT', 'WHEN NEW.stalled_after_ms IS DISTINCT']],
  },
  {
    name: 'a guard that lets a client that knows no waits mark what waits',
    setup: 'sequential',
    witness: story('in_progress', waitFor(10), { op: 'foreign', id, to: 'stuck' }),
    edits: [[`IF has_moved AND NEW.status = 'stuck' AND NEW.revision = OLD.revision`, 'IF false']],
  },
  {
    name: 'a sweep that ignores waits',
    setup: 'sequential',
    // During a wait the bound of when it may be due already lies behind the wait's end: it shows once that has passed.
    witness: story('in_progress', waitFor(8), pass(12), sweep),
    edits: [
      ['(d.waiting_until IS NULL OR d.waiting_until <=', '(true OR d.waiting_until <='],
      ['greatest(d.last_heartbeat, d.waiting_until)', 'd.last_heartbeat'],
    ],
  },
  {
    name: 'a sweep that counts the time of a wait that has passed as silence',
    setup: 'sequential',
    witness: story('in_progress', waitFor(8), pass(12), sweep),
    edits: [['greatest(d.last_heartbeat, d.waiting_until)', 'd.last_heartbeat']],
  },
  {
    name: 'a sweep that forgets those that never said how far they are',
    setup: 'sequential',
    witness: story('in_progress', mayStallFor(4), pass(3), heartbeat(), pass(3), heartbeat(), sweep),
    edits: [['greatest(d.progress_at, d.stalled_from, d.waiting_until)', 'greatest(d.progress_at, d.waiting_until)']],
  },
  ...mutantsOfRetries,
  ...mutantsOfStorms,
  ...mutantsOfThresholds,
];
