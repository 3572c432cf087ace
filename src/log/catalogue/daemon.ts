import * as z from 'zod';
import { event } from './event.ts';
import { err, instant, milliseconds, text } from './fields.ts';

export const daemonEvents = {
  'daemon.started': event(
    'info',
    'Daemon started',
    z.strictObject({
      version: text('of delegation-sweeper'),
      config: z.record(z.string(), z.unknown()).describe('the whole configuration, secrets redacted'),
    }),
  ),
  'daemon.start_failed': event(
    'fatal',
    'Daemon cannot start',
    z.strictObject({
      err,
      exitCode: z.int().min(1).max(255).describe('of the process'),
    }),
  ),
  'daemon.stopping': event(
    'info',
    'Daemon stopping',
    z.strictObject({
      signal: z.string().nullable().describe('the signal that stops it; null when a failure does'),
    }),
  ),
  'daemon.stopped': event(
    'info',
    'Daemon stopped',
    z.strictObject({
      reason: text('the signal, or what failed'),
      durationMs: milliseconds('from the request to stop until everything had stopped'),
    }),
  ),
  'ops.listening': event(
    'info',
    'Ops server listening',
    z.strictObject({
      host: text('address bound'),
      port: z.int().min(1).max(65_535).describe('port bound; with OPS_PORT=0 the one that was free'),
    }),
  ),
  'ops.request_failed': event(
    'error',
    'A request to the ops server failed',
    z.strictObject({ path: text('of the request, one that the server has'), err }),
  ),
  'telemetry.warning': event(
    'warn',
    'OpenTelemetry reports a warning',
    z.strictObject({
      detail: z.string().describe('its message, passwords redacted; the same one at most once a minute'),
    }),
  ),
  'process.warning': event(
    'warn',
    'Node or a library reports a warning',
    z.strictObject({
      name: text('the kind of warning, such as DeprecationWarning'),
      code: z.string().nullable().describe('its code; null when it has none'),
      detail: z.string().describe('its message, passwords redacted'),
    }),
  ),
  'clock.skewed': event(
    'warn',
    "This host's clock differs from the database's; silence is measured by the database's clock only",
    z.strictObject({
      skewMs: z.int().describe('daemon minus database; negative: the daemon is behind').meta({ unit: 'ms' }),
    }),
  ),
  'clock.jumped': event(
    'warn',
    "The database's clock was changed; time that it skipped does not count as silence and moves deadlines, and after it was set back silence counts anew",
    z.strictObject({
      jumpMs: z.int().describe('size of the change; negative: it was set back').meta({ unit: 'ms' }),
      from: instant('time before the change'),
      to: instant('time after it'),
    }),
  ),
  'config.differs': event(
    'warn',
    'Another daemon has another STUCK_AFTER; all of them use the longer one; logged once an hour',
    z.strictObject({
      stuckAfterMs: milliseconds("this daemon's own STUCK_AFTER"),
      inForceMs: milliseconds('the threshold that all of them use'),
    }),
  ),
  'pgboss.warning': event(
    'warn',
    'pg-boss reports a warning',
    z.strictObject({
      type: text("pg-boss's name for the warning"),
      detail: z.string().describe('its message, passwords redacted'),
    }),
  ),
  'pgboss.error': event('error', 'pg-boss reports an error', z.strictObject({ err })),
} as const;
