import * as z from 'zod';
import { event } from './event.ts';
import { count } from './fields.ts';

export const retryEvents = {
  'retry.progress': event(
    'info',
    'Trying delegations again',
    z.strictObject({
      inserted: count('delegations that were tried again so far by this command'),
      others: count('those that were not: tried again before, refused, unknown or failed'),
    }),
  ),
} as const;
