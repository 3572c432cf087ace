import * as z from 'zod';
import { holdEnds, type OperatorHold } from '../../../src/sweeper/hold/operator-hold.ts';
import type { HoldResult } from '../../../src/sweeper/hold/operator-holds.ts';
import { type Answer, embeddedDatabase, instant, type Written } from './answer.ts';

/** An operator's hold, in force or ended. */
export const operatorHold = z.object({
  since: instant.meta({ description: 'Since when the rules are held: before madeAt where it replaced another hold.' }),
  until: instant.meta({ description: 'When it ends by itself.' }),
  reason: z.string(),
  madeAt: instant,
  madeBy: z.string().meta({ description: 'The operator.' }),
  madeRole: z.string().meta({ description: 'The database role.' }),
  endedAt: instant.nullable(),
  endedWhy: z.enum(holdEnds).nullable().meta({
    description:
      'operator: it was released. expired: its time has passed. replaced: by a later hold. Null: it is in force, or no sweep has noted yet that its time has passed.',
  }),
  endedBy: z.string().nullable(),
  endedRole: z.string().nullable(),
}) satisfies z.ZodType<Written<OperatorHold>>;

const schema = z
  .object({
    outcome: z.literal('held'),
    hold: operatorHold,
    replaced: operatorHold.nullable().meta({ description: 'The hold that was in force before.' }),
    database: embeddedDatabase,
  })
  .meta({ description: 'The hold that was made.' }) satisfies z.ZodType<Written<HoldResult>>;

const hold = (minutes: string) => ['hold', '--for', minutes, '--reason', 'a rollout', '--json'];

export const answer: Answer = { schema, invocations: () => [hold('5m'), hold('1m')] };
