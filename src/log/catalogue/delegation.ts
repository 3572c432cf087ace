import { z } from 'zod';
import { event } from './event.ts';
import { calleeId, callerId, delegationId, instant, milliseconds, sweepId, text } from './fields.ts';

const identity = { sweepId, delegationId, callerId, calleeId };
const transition = {
  fromStatus: text('status before'),
  toStatus: text('status after'),
};

/** One event per row that a sweep changed, with the evidence. */
export const delegationEvents = {
  'delegation.stuck': event(
    'warn',
    'Delegation stuck: its agent has gone silent',
    z.strictObject({
      ...identity,
      ...transition,
      lastHeartbeat: instant('last sign of life'),
      silentMs: milliseconds('since then, by the clock'),
      stuckAfterMs: milliseconds('STUCK_AFTER, the observed silence that was allowed'),
      deadline: instant('when it would have been overdue'),
    }),
  ),
  'delegation.deadline_exceeded': event(
    'warn',
    'Delegation failed: deadline exceeded',
    z.strictObject({
      ...identity,
      ...transition,
      deadline: instant('when it was due'),
      overdueMs: milliseconds('since then'),
      lastHeartbeat: instant('last sign of life; null when there was none').nullable(),
    }),
  ),
} as const;
