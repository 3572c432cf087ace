import * as z from 'zod';
import { keys } from '../../../src/config/keys.ts';
import { type Answer, milliseconds } from './answer.ts';

/** The variables whose values are printed under their own names; those of the database are printed as `database`. */
const { databaseUrl: _url, databaseUrlFile: _file, ...others } = keys;

const kinds = { string: z.string(), number: z.number(), boolean: z.boolean() } as const;

/** By its default; `off` is one, whose value is null. */
function kindOf({ default: text, schema }: (typeof others)[keyof typeof others]): z.ZodType {
  if (text === null) return z.union([z.string(), z.array(z.string()), z.null()]);
  const value: unknown = schema.parse(text);
  return value === null ? z.number().nullable() : kinds[typeof value as keyof typeof kinds];
}

const settings = Object.fromEntries(
  Object.entries(others).map(([name, key]) => [name, kindOf(key).meta({ description: `${key.env}: ${key.doc}` })]),
);

const schema = z
  .object({
    database: z.union([
      z.object({ kind: z.literal('url'), url: z.string().meta({ description: 'Without the password.' }) }),
      z.object({ kind: z.literal('file'), file: z.string() }),
      z.object({ kind: z.literal('embedded'), embeddedDir: z.string() }),
    ]),
    telemetry: z.object({
      disabled: z.boolean(),
      traces: z.boolean(),
      metrics: z.boolean(),
      metricIntervalMs: milliseconds,
    }),
    stuckAfterIsSet: z.boolean().meta({ description: 'Whether STUCK_AFTER was set.' }),
    ...settings,
  })
  .meta({ description: 'The configuration as it is in effect. Names that end in Ms are in milliseconds.' });

export const answer: Answer = { schema, invocations: () => [['check', '--json']] };
