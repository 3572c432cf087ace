import * as z from 'zod';
import { activityEvents } from '../../../src/ledger/activity.ts';
import { statuses } from '../../../src/ledger/transitions.ts';
import type { Explanation } from '../../../src/sweeper/explanation/explanation.ts';
import { sweepActions } from '../../../src/sweeper/explanation/next-sweep.ts';
import type { UnknownDelegation } from '../../../src/sweeper/explanation/unknown-delegation.ts';
import { gapKinds } from '../../../src/sweeper/horizon.ts';
import { ruleNames } from '../../../src/sweeper/pass/rules.ts';
import { type Answer, count, database, embeddedDatabase, instant, milliseconds, type Written } from './answer.ts';

const status = z.enum(statuses);
const rule = z.enum(ruleNames);
const signedMilliseconds = z.int().meta({ description: 'Milliseconds; negative: since it has passed.' });

const notCounted = z.object({
  start: instant,
  end: instant,
  kind: z.enum(gapKinds).meta({
    description:
      'unwatched: no daemon. clock_jump: the clock was set forward. rewound: the database or its clock went back.',
  }),
  isOpen: z.boolean().meta({ description: "No daemon's beat has ended it yet." }),
  ms: milliseconds.meta({ description: 'Milliseconds of it that did not count.' }),
});

const delegation = z.object({
  delegationId: z.string(),
  callerId: z.string(),
  calleeId: z.string(),
  status,
  createdAt: instant,
  updatedAt: instant,
  finishedAt: instant.nullable(),
  lastHeartbeat: instant.nullable(),
  deadline: instant,
  stuckAfterMs: milliseconds.nullable().meta({ description: 'Its own threshold of silence; null: STUCK_AFTER.' }),
  stalledAfterMs: milliseconds.nullable(),
  waitingSince: instant.nullable(),
  waitingUntil: instant.nullable(),
  waitingReason: z.string().nullable(),
  progress: z.string().nullable(),
  progressAt: instant.nullable(),
  retryOf: z.string().nullable(),
  attempt: z.int().positive(),
  startAfter: instant.nullable().meta({ description: 'Not to be started before.' }),
  idempotencyKey: z.string().nullable(),
  traceparent: z.string().nullable(),
  previews: z
    .object({ task: z.string(), result: z.string().nullable(), errorDetail: z.string().nullable() })
    .nullable()
    .meta({ description: 'What agents wrote; null without --previews.' }),
});

const silence = z.object({
  heardAt: instant,
  heardBy: z.enum(['entry', 'heartbeat', 'resume', 'end_of_wait']),
  wallMs: milliseconds.meta({ description: 'Silence by the clock.' }),
  notCounted: z.array(notCounted),
  observedMs: milliseconds.meta({ description: 'Silence that counts.' }),
  threshold: z.object({
    ms: milliseconds,
    source: z.enum(['own', 'own_lowered', 'stuck_after', 'stuck_after_lowered', 'configuration']),
    lowered: z.object({ at: instant, toMs: milliseconds }).nullable(),
  }),
});

const verdict = z.object({
  rule: rule.nullable().meta({ description: 'The rule that it matches now.' }),
  due: z
    .array(z.object({ rule, at: instant, isPassed: z.boolean() }))
    .meta({ description: 'When each rule comes to match, if nothing is heard; the first one first.' }),
  silence: silence.nullable().meta({ description: 'Null: it is not in progress.' }),
  progress: z
    .object({
      text: z.string().nullable(),
      at: instant.nullable(),
      countsFrom: instant,
      observedMs: milliseconds,
      stalledAfterMs: milliseconds,
    })
    .nullable(),
  waiting: z.object({ since: instant, until: instant, reason: z.string(), isOver: z.boolean() }).nullable(),
  deadline: z.object({ at: instant, jumpedMs: milliseconds, leftMs: signedMilliseconds }),
  poisoned: z.object({ loggedAt: instant }).nullable().meta({ description: 'The database refused its mark.' }),
  lockedBy: z
    .object({
      pid: z.int().nullable(),
      user: z.string().nullable(),
      applicationName: z.string().nullable(),
      state: z.string().nullable(),
      transactionAgeMs: milliseconds.nullable(),
    })
    .nullable(),
});

const nextSweep = z.object({
  actionNow: z.enum(sweepActions).meta({ description: 'What a sweep at this instant would do.' }),
  action: z.enum(sweepActions).meta({ description: 'What the first sweep does that does something.' }),
  at: instant.nullable().meta({ description: 'When that one comes; null: nobody sweeps.' }),
  by: z.enum(['tick', 'on_time']),
  isRetried: z.boolean().meta({ description: 'Where a sweep marks it stuck, that sweep tries it again as well.' }),
  tickAt: instant,
  daemons: count,
  sweptAt: instant.nullable(),
  isSweeping: z.boolean(),
  budget: z.object({ ahead: count, allowed: z.int() }).nullable(),
  storm: z.object({
    state: z.enum(['calm', 'held', 'released']),
    since: instant.nullable(),
    until: instant.nullable(),
    signs: z
      .object({
        stale: count,
        silent: count,
        inFlight: count,
        callees: z.array(z.object({ calleeId: z.string(), count })),
      })
      .nullable(),
  }),
  hold: z.object({ by: z.string(), reason: z.string(), since: instant, until: instant }).nullable(),
  refusal: z.object({ reason: z.string(), remedy: z.string() }).nullable(),
});

const ending = z.object({
  status,
  at: instant,
  actor: z.string().nullable().meta({ description: 'Who ended it; null: its activity is gone.' }),
  mark: z
    .object({
      sweepId: z.string(),
      rule,
      fromStatus: status.nullable(),
      latenessMs: milliseconds,
      allowedMs: milliseconds.nullable(),
      lastHeartbeat: instant.nullable(),
      deadline: instant.nullable(),
      progress: z.string().nullable(),
      progressAt: instant.nullable(),
      notCounted: z.array(notCounted),
      probe: z.object({ outcome: z.string(), reason: z.string().nullable() }).nullable(),
    })
    .nullable()
    .meta({ description: 'Why a sweep marked it; null: none did.' }),
  lateResults: z.array(
    z.object({
      at: instant,
      afterMs: milliseconds,
      status,
      actor: z.string(),
      resultPreview: z.string().nullable(),
      errorDetail: z.string().nullable(),
    }),
  ),
  lateResultsCutShort: z.boolean(),
  retriedAs: z.string().nullable(),
});

const entry = z.object({
  activityId: z.int(),
  at: instant,
  sinceBeforeMs: z.int().nullable(),
  event: z.enum(activityEvents),
  fromStatus: status.nullable(),
  toStatus: status.nullable(),
  actor: z.string(),
  detail: z.record(z.string(), z.unknown()).nullable().meta({ description: 'The evidence, as recorded.' }),
  hasRequestBody: z.boolean(),
  hasResponseBody: z.boolean(),
});

const timeline = z.object({
  first: z.array(entry),
  leftOut: count,
  leftOutIsCapped: z.boolean(),
  last: z.array(entry).meta({ description: 'Empty where `first` has all of them.' }),
});

const explained = z.object({
  now: instant.meta({ description: "The database's clock." }),
  why: z.string().meta({ description: 'Why it is as it is, in one sentence.' }),
  next: z.string().meta({ description: 'What happens next.' }),
  delegation,
  verdict: verdict.nullable().meta({ description: 'Null: it has ended.' }),
  nextSweep: nextSweep.nullable().meta({ description: 'Null: it has ended.' }),
  ending: ending.nullable().meta({ description: 'Null: it is open.' }),
  timeline,
  activityIsGone: z.boolean().meta({ description: 'A retention removed its activity: RETENTION_ACTIVITY.' }),
  attempts: z.array(
    z.object({
      delegationId: z.string(),
      attempt: z.int().positive(),
      retryOf: z.string().nullable(),
      retryOfIsGone: z.boolean().meta({
        description: 'What it tries again is not in the ledger any more: a retention removed it.',
      }),
      status,
      calleeId: z.string(),
      createdAt: instant,
      finishedAt: instant.nullable(),
      startAfter: instant.nullable(),
      isThis: z.boolean(),
    }),
  ),
  a2aTask: z
    .object({
      agentUrl: z.string(),
      tenant: z.string().nullable(),
      taskId: z.string(),
      contextId: z.string().nullable(),
      createdAt: instant,
      probe: z.object({
        isEnabled: z.boolean(),
        refusal: z.string().nullable(),
        lastAnswer: z.object({ at: instant, outcome: z.string() }).nullable(),
        asksAt: instant.nullable(),
      }),
    })
    .nullable(),
  database: embeddedDatabase,
}) satisfies z.ZodType<Written<Explanation>>;

const unknown = z
  .object({
    error: z.literal('unknown_delegation'),
    now: instant,
    delegationId: z.string(),
    activity: timeline.nullable().meta({ description: 'What is left of a row that is gone.' }),
    removedBefore: instant.nullable().meta({
      description: 'What ended before may have been removed by a retention; null: nothing ever was.',
    }),
    retriedAs: z.string().nullable().meta({ description: 'The delegation that tries it again.' }),
    near: z.array(z.string()).meta({ description: 'Ids that may have been meant, the likeliest first.' }),
    database,
  })
  .meta({ description: 'The ledger does not hold the id; the exit code is 1.' }) satisfies z.ZodType<
  Written<UnknownDelegation>
>;

const schema = z
  .union([explained, unknown])
  .meta({ description: 'Why a delegation is as it is, and what comes next.' });

export const answer: Answer = {
  schema,
  invocations: ({ queuedId, workingId, silentId, completedId, stuckId }) => [
    ...[queuedId, workingId, silentId, completedId, stuckId].map((id) => ['explain', id, '--json']),
    ['explain', completedId, '--previews', '--json'],
    ['explain', 'no-such-delegation', '--json'],
  ],
};
