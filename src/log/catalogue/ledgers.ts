import { z } from 'zod';
import { event } from './event.ts';
import { err, milliseconds, text } from './fields.ts';

/** Events about which ledgers a daemon serves, with DB_SCHEMAS. */
export const ledgersEvents = {
  'ledgers.served': event('info', 'The daemon serves this ledger from now on', z.strictObject({})),
  'ledgers.released': event(
    'warn',
    "The ledger's schema is gone: the daemon no longer serves it",
    z.strictObject({ servedMs: milliseconds('since it was found') }),
  ),
  'ledgers.missing': event(
    'warn',
    'DB_SCHEMAS names a schema that does not exist; `migrate up` creates it',
    z.strictObject({ schema: text('the name; the same one at most once an hour') }),
  ),
  'ledgers.none': event(
    'warn',
    'There is no schema that DB_SCHEMAS names: nothing is swept',
    z.strictObject({ dbSchemas: text('DB_SCHEMAS; at most once an hour') }),
  ),
  'ledgers.failed': event('error', 'A ledger could not be started or let go', z.strictObject({ err })),
} as const;
