import * as z from 'zod';
import { type CalleeAdvice, verdicts } from '../../../src/sweeper/advice/advice.ts';
import type { Advice } from '../../../src/sweeper/advice/advisor.ts';
import { type Answer, count, embeddedDatabase, instant, milliseconds, type Written } from './answer.ts';

const share = z.number().min(0).max(1);

const callee = z.object({
  calleeId: z.string().nullable().meta({ description: 'Null: the callees that are not counted apart, together.' }),
  verdict: z.enum(verdicts).meta({
    description:
      'too_little: evidence, so nothing is said. too_tight: more than falseShareMax exceed the shortest of today. could_be_shorter: than the longest of today. fits: neither.',
  }),
  evidence: z.object({
    delegations: count.meta({ description: 'Followed from their entry to in_progress to their end.' }),
    started: count.meta({ description: 'Delegations that entered in_progress, about.' }),
    gaps: count,
    marks: count.meta({ description: 'Delegations marked stuck for silence.' }),
    falseMarks: count.meta({ description: 'Of these, those that still delivered a result.' }),
  }),
  gapMs: milliseconds.nullable().meta({ description: 'The time between two signs of life that 99.9 % do not exceed.' }),
  falseMarkShare: share.nullable().meta({ description: 'Of the marks; null when there was none.' }),
  detection: z
    .object({ p50Ms: milliseconds.nullable(), p99Ms: milliseconds.nullable() })
    .meta({ description: 'Silence at a mark; null: too few marks.' }),
  today: z
    .object({ minMs: milliseconds, maxMs: milliseconds })
    .meta({ description: 'Shortest and longest threshold by which its delegations are judged.' }),
  threshold: z
    .object({
      ms: milliseconds.meta({ description: 'Rounded up to a duration that people write.' }),
      exactMs: milliseconds,
      exceeding: z
        .number()
        .nonnegative()
        .meta({ description: 'Of the delegations followed, those that exceed exactMs.' }),
      confidence: share,
    })
    .nullable()
    .meta({ description: 'The smallest that would have marked at most falseShareMax falsely.' }),
  falseShareToday: share
    .nullable()
    .meta({ description: 'Of the delegations, those that exceed the shortest of today.' }),
  gainMs: z.int().nullable().meta({
    description: 'By how many milliseconds earlier than today a dead agent would be found; negative: later.',
  }),
}) satisfies z.ZodType<Written<CalleeAdvice>>;

const schema = z
  .object({
    at: instant.meta({ description: "The database's clock." }),
    days: z.int().positive().meta({ description: 'The evidence is from so many days.' }),
    stuckAfterMs: milliseconds.meta({ description: 'The threshold in force.' }),
    resolutionMs: milliseconds.meta({ description: 'A gap may seem longer than it was by this at most.' }),
    delegationsMin: count.meta({ description: 'With fewer delegations followed nothing is said.' }),
    falseShareMax: share,
    confidence: share,
    calleesKnown: count.meta({ description: 'Callees that there is evidence about.' }),
    callees: z.array(callee).meta({ description: 'Those with most evidence, most first: 100 at most.' }),
    database: embeddedDatabase,
  })
  .meta({ description: 'Which threshold of silence the evidence supports, per callee.' }) satisfies z.ZodType<
  Written<Advice>
>;

export const answer: Answer = {
  schema,
  invocations: ({ calleeId }) => [
    ['advise', '--json'],
    ['advise', '--callee', calleeId, '--json'],
    ['advise', '--callee', 'nobody', '--json'],
  ],
};
