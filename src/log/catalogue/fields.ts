/** Fields that several events share. A missing value is null; the field itself is always there. */
import * as z from 'zod';

/** A non-negative whole number of milliseconds. */
export const milliseconds = (meaning: string) => z.int().min(0).describe(meaning).meta({ unit: 'ms' });

export const count = (meaning: string) => z.int().min(0).describe(meaning);

export const text = (meaning: string) => z.string().min(1).describe(meaning);

/** ISO 8601 in UTC, as `Date.prototype.toISOString` writes it. */
export const instant = (meaning: string) => z.iso.datetime().describe(meaning).meta({ unit: 'ISO 8601 UTC' });

export const sweepId = text('identifies the sweep; the same in all of its events');
export const delegationId = text('the delegation');
export const callerId = text('the agent that asked');
export const calleeId = text('the agent that was asked');

export const trigger = z
  .enum(['cron', 'startup', 'manual', 'due'])
  .describe('what started the sweep: a tick, the start of the daemon, the command line, a delegation that came due');

export const rule = z.enum(['overdue', 'stale', 'stalled']).describe('the rule of the sweep that matched the row');

export const callees = z
  .array(z.strictObject({ calleeId: z.string(), count: z.int().min(1) }))
  .max(5)
  .describe('the callees with most of these rows, in descending order, five at most');

export const err = z
  .strictObject({
    code: z.string().nullable().describe('SQLSTATE or Node error code; null when there is none'),
    message: z.string().describe('passwords redacted'),
  })
  .describe('code: the SQLSTATE or the Node error code, null when there is none; message: passwords redacted');

/** The session that is in the way, from pg_stat_activity; null where the daemon's role may not see it. */
export const session = {
  pid: z.int().nullable().describe('server process of the other session, for pg_terminate_backend'),
  user: z.string().nullable().describe('its database role'),
  applicationName: z.string().nullable().describe('its application_name'),
  state: z.string().nullable().describe('its state, such as `idle in transaction`'),
  transactionAgeMs: milliseconds('how long its transaction has been open').nullable(),
} as const;
