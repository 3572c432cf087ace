import * as z from 'zod';
import type { EventType } from '../../src/events/event-types.ts';
import { statuses } from '../../src/index.ts';
import { probeOutcomes } from '../../src/log/catalogue/probe-outcomes.ts';

const text = z.string().min(1);
const instant = z.iso.datetime({ offset: true });
const count = z.int().nonnegative();
const milliseconds = count.meta({ description: 'Milliseconds.' });

/** The attributes of CloudEvents 1.0 that an event of this type has. */
const attributes = <Type extends string>(type: Type, id: string) => ({
  specversion: z.literal('1.0'),
  id: text.meta({ description: id }),
  source: z
    .string()
    .regex(/^\/delegation-sweeper\//)
    .meta({ description: '/delegation-sweeper/<database>/<schema>.' }),
  type: z.literal(type),
  time: instant.meta({ description: 'When it happened.' }),
  datacontenttype: z.literal('application/json'),
});

const ofDelegation = <Type extends string, Shape extends z.ZodRawShape>(type: Type, shape: Shape) =>
  z.object({
    ...attributes(
      type,
      "The activity's id: its number in activity_logs. Later events of a delegation have greater ones.",
    ),
    subject: text.meta({ description: "The delegation's id." }),
    traceparent: text.optional().meta({ description: 'The W3C trace context of whoever delegated.' }),
    data: z.object({
      callerId: text,
      calleeId: text,
      fromStatus: z.enum(statuses).meta({ description: 'The status that it had.' }),
      attempt: z.int().positive().meta({ description: 'Which try at the same work it is.' }),
      retryOf: text.optional().meta({ description: 'The delegation that it tries again.' }),
      retriedAs: text.optional().meta({ description: 'The delegation that tries it again.' }),
      ...shape,
    }),
  });

const mark = <To extends 'stuck' | 'failed'>(to: To) => ({
  sweepId: text.meta({ description: 'The sweep that marked it; the same in its log lines.' }),
  toStatus: z.literal(to),
  lastHeartbeat: instant.optional().meta({ description: 'Absent: it was never heard.' }),
  deadline: instant,
  probe: z
    .object({ outcome: z.enum(probeOutcomes), reason: text.optional() })
    .optional()
    .meta({ description: 'What came of asking its agent (A2A_PROBE).' }),
});

const stuck = ofDelegation('delegation.stuck.v1', {
  ...mark('stuck'),
  rule: z.enum(['stale', 'stalled']),
  silentMs: milliseconds.meta({ description: 'How long it was silent, or without progress, in milliseconds.' }),
  stuckAfterMs: milliseconds.optional().meta({ description: 'Of a stale one: the silence that was allowed to it.' }),
  stalledAfterMs: milliseconds
    .optional()
    .meta({ description: 'Of a stalled one: the time without progress that was allowed to it.' }),
  progressAt: instant.optional().meta({ description: 'When a stalled one last reported progress.' }),
}).meta({
  description:
    'A sweep marked a delegation stuck: its agent was silent, or made no progress, for longer than was allowed.',
});

const { sweepId, deadline, ...ofMark } = mark('failed');
const failed = ofDelegation('delegation.failed.v1', {
  ...ofMark,
  sweepId: sweepId.optional(),
  deadline: deadline.optional(),
  rule: z.enum(['overdue', 'answered']).meta({
    description:
      '`answered`: its agent, which was asked (A2A_PROBE), says that it failed; then the evidence is absent.',
  }),
  overdueMs: milliseconds.optional(),
}).meta({ description: 'A sweep marked a delegation failed: its deadline has passed, or its agent says so.' });

const lateResult = ofDelegation('delegation.late_result.v1', {
  attempted: z.enum(statuses).meta({ description: 'The status that the result would have given to it.' }),
}).meta({
  description: 'A result came that the delegation can no longer take. Its activity holds the result.',
});

const hold = {
  by: z.enum(['storm', 'operator']).meta({ description: 'The storm guard, or an operator by the command `hold`.' }),
  sweepId: text.optional().meta({ description: 'The sweep that began or ended it; absent for an operator.' }),
  reason: text.optional().meta({ description: 'Why an operator holds.' }),
  stale: count.optional().meta({ description: 'Rows that match a rule about silence; absent where not counted.' }),
  inFlight: count.optional().meta({ description: 'Delegations in progress; absent where not counted.' }),
  heldForMs: milliseconds,
};
const holdId = '<id of the sweep or of the hold>:<held or released>.';

const held = z
  .object({
    ...attributes('sweep.held.v1', holdId),
    data: z.object({
      ...hold,
      ratio: z
        .number()
        .min(0)
        .max(1)
        .optional()
        .meta({ description: 'Of those in progress, the share that fell silent.' }),
      callees: z
        .array(z.object({ calleeId: text, count: z.int().positive() }))
        .max(5)
        .optional()
        .meta({ description: 'The silent callees with most delegations.' }),
      releasesInMs: milliseconds.meta({ description: 'Milliseconds until it ends at the latest.' }),
    }),
  })
  .meta({
    description: 'From now on no delegation is marked stuck: too many fell silent at once, or an operator says so.',
  });

const released = z
  .object({
    ...attributes('sweep.released.v1', holdId),
    data: z.object({
      ...hold,
      why: z.enum(['calm', 'max_hold', 'off', 'operator', 'expired']).meta({
        description:
          'The storm is over; STORM_MAX_HOLD passed; the storm guard was turned off; an operator released it; its time passed.',
      }),
    }),
  })
  .meta({ description: 'A hold has ended.' });

/** By type. */
export const eventSchemas: Readonly<Record<EventType, z.ZodType>> = {
  'delegation.stuck.v1': stuck,
  'delegation.failed.v1': failed,
  'delegation.late_result.v1': lateResult,
  'sweep.held.v1': held,
  'sweep.released.v1': released,
};
