import type { Status } from '../../src/ledger/transitions.ts';
import { type Mutant, story } from './mutant.ts';
import type { Id, Operation } from './operation.ts';

const pass = (ticks: number): Operation => ({ op: 'advance', ticks, observed: true });
const sweep: Operation = { op: 'sweep', force: false };
const retry: Operation = { op: 'retry', id: 'd0' };
const waitFor = (ticks: number): Operation => ({ op: 'wait', id: 'd0', ticks, reason: 'a person' });
const step = (to: Status, id: Id = 'd0'): Operation => ({ op: 'setStatus', id, to, text: null, body: null });

/** What is tried again, by the sweep or by hand, with a change that breaks it. */
export const mutantsOfRetries: readonly Mutant[] = [
  {
    name: 'a sweep that marks what it does not try again',
    setup: 'sequential',
    witness: story('in_progress', pass(12), sweep),
    edits: [['CASE WHEN d.attempt <= 2 THEN', 'CASE WHEN d.attempt <= 0 THEN']],
  },
  {
    name: 'a sweep that makes one attempt too many',
    setup: 'sequential',
    witness: story(
      'in_progress',
      pass(12),
      sweep,
      step('in_progress', 'd0+'),
      pass(12),
      sweep,
      step('in_progress', 'd0++'),
      pass(12),
      sweep,
    ),
    edits: [['CASE WHEN d.attempt <= 2 THEN', 'CASE WHEN d.attempt <= 3 THEN']],
  },
  {
    name: 'a sweep that tries again what has a late result',
    setup: 'sequential',
    witness: story('queued', step('completed'), step('in_progress'), pass(12), sweep),
    edits: [['unless_late_result => true', 'unless_late_result => false']],
  },
  {
    name: 'a sweep that tries again what is overdue',
    setup: 'sequential',
    witness: story('queued', pass(61), sweep),
    edits: [
      [
        'NULL::text AS retried_as',
        `(SELECT r.delegation_id FROM delegation_retry(d.delegation_id, actor => 'sweeper') r) AS retried_as`,
      ],
    ],
  },
  {
    name: 'a retry whose deadline has the time that the old one waited',
    setup: 'sequential',
    witness: story('in_progress', waitFor(10), pass(11), step('failed'), retry),
    edits: [['w.next_at - w.created_at)', 'w.next_at - w.created_at) * 0']],
  },
  {
    name: 'a retry of what is open',
    setup: 'sequential',
    witness: story('in_progress', retry),
    edits: [[`IF NOT delegation_retry.status IN ('failed', 'stuck') THEN`, 'IF false THEN']],
  },
];
