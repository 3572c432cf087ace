import * as z from 'zod';
import { type Answer, embeddedDatabase } from './answer.ts';
import { operatorHold } from './hold.ts';

const schema = z
  .object({
    outcome: z.enum(['released', 'not_held']).meta({ description: 'not_held: the exit code is 1.' }),
    hold: operatorHold.nullable().meta({ description: 'The hold that was ended; null: no operator held.' }),
    database: embeddedDatabase,
  })
  .meta({ description: "The end of an operator's hold." });

export const answer: Answer = {
  schema,
  // The first ends what the answer of `hold` was tested with, where it was.
  invocations: () => [
    ['release', '--json'],
    ['release', '--by', 'ana', '--json'],
  ],
};
