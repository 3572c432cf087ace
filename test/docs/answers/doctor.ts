import * as z from 'zod';
import type { Examination } from '../../../src/doctor/finding.ts';
import { type Answer, database, milliseconds, type Written } from './answer.ts';

const finding = z.object({
  check: z.string().meta({ description: 'The check that found it, as docs/doctor.md names it.' }),
  severity: z.enum(['problem', 'advice']),
  what: z.string(),
  how: z.string().meta({ description: 'How it is known: the figures.' }),
  remedy: z.string().meta({ description: 'What to do; commands stand between backticks.' }),
});

const result = z.object({
  check: z.string(),
  outcome: z.enum(['passed', 'found', 'not_run']),
  reason: z
    .string()
    .nullable()
    .meta({ description: 'Why it, or a part of it, could not be checked; null where it was.' }),
  notes: z.array(z.string()).meta({ description: 'What it saw that is no finding.' }),
  durationMs: milliseconds,
});

const schema = z
  .object({
    database,
    reachable: z.boolean().meta({ description: 'False: the database was away, or went away; the exit code is 69.' }),
    findings: z.array(finding).meta({ description: 'Problems first.' }),
    checks: z.array(result).meta({ description: 'In the order in which they ran.' }),
  })
  .meta({ description: 'What is wrong with this installation, and what to do.' }) satisfies z.ZodType<
  Written<Examination & { database: string }>
>;

export const answer: Answer = { schema, invocations: () => [['doctor', '--json']] };
