import { z } from 'zod';
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
      exitCode: z.int().min(1).max(255).describe('with which the process ends'),
    }),
  ),
  'daemon.stopping': event(
    'info',
    'Daemon stopping',
    z.strictObject({
      signal: z.string().nullable().describe('the signal that asked for it; null when a failure did'),
    }),
  ),
  'daemon.stopped': event(
    'info',
    'Daemon stopped',
    z.strictObject({
      reason: text('the signal, or what went wrong'),
      durationMs: milliseconds('from the request to stop until everything had stopped'),
    }),
  ),
  'ops.listening': event(
    'info',
    'Ops server listening',
    z.strictObject({
      host: text('address bound'),
      port: z.int().min(1).max(65_535).describe('port bound; the one chosen, when OPS_PORT is 0'),
    }),
  ),
  'ops.request_failed': event(
    'error',
    'A request to the ops server failed',
    z.strictObject({ path: text('of the request, one of those that are served'), err }),
  ),
  'telemetry.warning': event(
    'warn',
    'OpenTelemetry warns',
    z.strictObject({
      detail: z.string().describe('its message, passwords redacted; the same one at most once a minute'),
    }),
  ),
  'process.warning': event(
    'warn',
    'Node or a library warns',
    z.strictObject({
      name: text('the kind of warning, such as DeprecationWarning'),
      code: z.string().nullable().describe('its code; null when it has none'),
      detail: z.string().describe('its message, passwords redacted'),
    }),
  ),
  'clock.skewed': event(
    'warn',
    "This host's clock differs from the database's; staleness is judged by the database's alone",
    z.strictObject({
      skewMs: z.int().describe('daemon minus database; negative: the daemon is behind').meta({ unit: 'ms' }),
    }),
  ),
  'clock.jumped': event(
    'warn',
    "The database's clock was set; the time between does not count as silence, and moves deadlines",
    z.strictObject({
      jumpMs: z.int().describe('by so much; negative: it was set back').meta({ unit: 'ms' }),
      from: instant('from this time'),
      to: instant('to this one'),
    }),
  ),
  'config.differs': event(
    'warn',
    'Another daemon judges by another STUCK_AFTER; all judge by the longer; once an hour',
    z.strictObject({
      stuckAfterMs: milliseconds("this daemon's own STUCK_AFTER"),
      inForceMs: milliseconds('the threshold by which all of them judge'),
    }),
  ),
  'pgboss.warning': event(
    'warn',
    'pg-boss warns',
    z.strictObject({
      type: text("pg-boss's name for the warning"),
      detail: z.string().describe('its message, passwords redacted'),
    }),
  ),
  'pgboss.error': event('error', 'pg-boss met an error', z.strictObject({ err })),
} as const;
