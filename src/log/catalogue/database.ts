import * as z from 'zod';
import { event } from './event.ts';
import { count, err, instant, milliseconds, text } from './fields.ts';

export const databaseEvents = {
  'database.unavailable': event(
    'error',
    'Database unavailable, retrying',
    z.strictObject({
      attempt: count('attempts in this outage, this one included'),
      retryInMs: milliseconds('wait before the next attempt'),
      err,
    }),
  ),
  'database.recovered': event(
    'info',
    'Database available again',
    z.strictObject({ outageMs: milliseconds('from the first failed attempt to this success') }),
  ),
  'database.refused': event(
    'error',
    'The database refuses what the daemon needs; it tries again, but an operator has to act',
    z.strictObject({
      err,
      remedy: text('what to do'),
      retryInMs: milliseconds('wait before the next attempt; the same refusal is logged once a minute'),
    }),
  ),
  'database.schema_outdated': event(
    'error',
    "The database's schema is older than this code, its encoding is not UTF8, or Citus has the ledger in part",
    z.strictObject({
      component: z
        .enum(['encoding', 'citus', 'ledger', 'pgboss'])
        .describe(
          'what is outdated: the schema of the ledger or of pg-boss, the encoding of the database, or where Citus has the tables',
        ),
      found: z.string().nullable().describe('version, encoding or placement found; null when none is installed'),
      required: text('version, encoding or placement that this code needs'),
      remedy: text('what brings it up to date'),
    }),
  ),
  'database.rewound': event(
    'error',
    'The database went back in time; every open delegation gets its whole threshold again',
    z.strictObject({
      lostMs: milliseconds('from the last beat that the database still has to the last one that was committed'),
      lastBeat: instant('the last beat that was committed'),
      databaseBeat: instant('the last one that the database has'),
    }),
  ),
  'embedded.started': event(
    'info',
    'Embedded PostgreSQL running',
    z.strictObject({
      dataDir: text('where it keeps its data'),
      joined: z.boolean().describe('true: another process runs it, this one only connects'),
    }),
  ),
  'embedded.stopped': event(
    'info',
    'Embedded PostgreSQL stopped',
    z.strictObject({ dataDir: text('where it keeps its data') }),
  ),
} as const;
