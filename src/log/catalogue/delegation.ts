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
      silentMs: milliseconds('since then, or since its wait passed, by the clock'),
      stuckAfterMs: milliseconds(
        'the observed silence that was allowed: STUCK_AFTER, or the threshold of the delegation',
      ),
      deadline: instant('when it would have been overdue'),
    }),
  ),
  'delegation.stalled': event(
    'warn',
    'Delegation stuck: its agent makes no progress',
    z.strictObject({
      ...identity,
      ...transition,
      lastHeartbeat: instant('last sign of life'),
      silentMs: milliseconds('since it last reported progress, began or stopped waiting, by the clock'),
      stuckAfterMs: milliseconds(
        'the observed silence that was allowed: STUCK_AFTER, or the threshold of the delegation',
      ),
      deadline: instant('when it would have been overdue'),
      progressAt: instant('when it last reported progress; null when it never did').nullable(),
      progress: text('what it reported then; null when it never did').nullable(),
      stalledAfterMs: milliseconds('the observed time without progress that was allowed'),
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
