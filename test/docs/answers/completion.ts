import * as z from 'zod';
import { type Shell, shells } from '../../../src/cli/completion.ts';
import type { Answer } from './answer.ts';

const schema = z
  .object({ shell: z.enum(shells as readonly [Shell, ...Shell[]]), script: z.string() })
  .meta({ description: 'What the shell has to read.' });

export const answer: Answer = {
  schema,
  invocations: () => [
    ['completion', 'bash', '--json'],
    ['completion', 'zsh', '--json'],
  ],
};
