import * as z from 'zod';
import { type Answer, embeddedDatabase } from './answer.ts';

const migrations = z.array(z.string());

const status = {
  ledger: z.object({
    current: z.string().nullable().meta({ description: 'The newest migration that the database has.' }),
    applied: migrations,
    pending: migrations.meta({ description: 'What this version needs and the database lacks.' }),
    unknown: migrations.meta({
      description: 'What the database has and this version does not know: it is newer.',
    }),
  }),
  pgboss: z.object({ installed: z.int().nullable(), required: z.int() }),
};

const schema = z
  .union([
    z
      .object({ applied: migrations, database: embeddedDatabase })
      .meta({ description: 'migrate up: what was applied now.' }),
    z
      .object({
        ...status,
        database: embeddedDatabase,
      })
      .meta({ description: 'migrate status; the exit code is 1 while something is pending.' }),
    z
      .object({ reverted: migrations, database: embeddedDatabase })
      .meta({ description: 'migrate down: what was removed.' }),
    z
      .object({
        ledgers: z.array(
          z.union([z.object({ name: z.string(), applied: migrations }), z.object({ name: z.string(), ...status })]),
        ),
      })
      .meta({ description: 'migrate up and migrate status with DB_SCHEMAS and without --ledger: of each ledger.' }),
  ])
  .meta({ description: 'What migrate did, or what it would do.' });

export const answer: Answer = {
  schema,
  invocations: () => [
    ['migrate', 'up', '--json'],
    ['migrate', 'status', '--json'],
    // Last of all: the others have run by then.
    ['migrate', 'down', '--delete-all-data', '--even-if-running', '--json'],
  ],
};
