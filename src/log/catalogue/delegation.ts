import * as z from 'zod';
import { event } from './event.ts';
import { calleeId, callerId, delegationId, instant, milliseconds, rule, sweepId, text } from './fields.ts';
import { probeOutcomes } from './probe-outcomes.ts';

const identity = { sweepId, delegationId, callerId, calleeId };
const probe = {
  probe: text(
    'what came of asking its agent: unchanged, unknown_task, refused, no_answer, unusable, not_asked; null when it is no A2A task, or A2A_PROBE is off',
  ).nullable(),
  probeReason: text('the same in more detail, such as `timeout`; null where there is none').nullable(),
};
const retriedAs = text('the delegation that tries it again (RETRY_MAX_ATTEMPTS); null when none does').nullable();
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
      ...probe,
      retriedAs,
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
      ...probe,
      retriedAs,
      progressAt: instant('when it last reported progress; null when it never did').nullable(),
      progress: text('what it reported then; null when it never did').nullable(),
      stalledAfterMs: milliseconds('the observed time without progress that was allowed'),
    }),
  ),
  'delegation.probed': event(
    'info',
    'An agent was asked for its task before the delegation was given up',
    z.strictObject({
      ...identity,
      rule,
      outcome: z
        .enum(probeOutcomes)
        .describe(
          'what it answered; alive, waiting, completed and failed are told to the delegation, after all others it is marked',
        ),
      reason: text('more detail, such as `timeout`; never a text of the agent; null where there is none').nullable(),
      changed: z
        .boolean()
        .describe('the answer changed the delegation; false: it is marked, or has been heard or ended meanwhile'),
      tookMs: milliseconds('from the question until the answer was taken'),
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
