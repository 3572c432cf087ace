import * as z from 'zod';
import { type Answer, count, embeddedDatabase, instant } from './answer.ts';

const reason = z.object({
  reason: z.string().meta({ description: 'As /readyz names it, such as schema_outdated or not_sweeping.' }),
  detail: z.string(),
});

const ledger = z.object({
  ledger: z.string().meta({ description: 'The schema.' }),
  version: z
    .string()
    .nullable()
    .meta({ description: 'The newest migration; null: there is no ledger in this schema.' }),
  inProgress: count.nullable().meta({ description: 'Counted to a million; null: it could not be read.' }),
  ready: z.boolean().meta({ description: 'It is current, and a sweep has succeeded in time.' }),
  reasons: z.array(reason).meta({ description: 'Why it is not ready.' }),
  sweptAt: instant.nullable().meta({ description: 'The last successful sweep, by any replica.' }),
  nextAt: instant.nullable().meta({ description: 'The next tick.' }),
});

const schema = z
  .object({ ledgers: z.array(ledger).meta({ description: 'By name.' }), database: embeddedDatabase })
  .meta({
    description:
      'The ledgers that DB_SCHEMAS names, or that of DB_SCHEMA. The exit code is 1 when one is not ready, or there is none.',
  });

export const answer: Answer = { schema, invocations: () => [['ledgers', '--json']] };
