import { daemonServices } from '../compose/daemon-services.ts';
import { type ExitCode, exitCode } from '../compose/exit-code.ts';
import { type Location, openLocation } from '../compose/location.ts';
import { opsServices } from '../compose/ops-services.ts';
import { version } from '../compose/version.ts';
import { type Config, redacted } from '../config/config.ts';
import { Services } from '../lifecycle/services.ts';
import { onShutdownSignal } from '../lifecycle/signals.ts';
import { activeTrace } from '../log/active-trace.ts';
import { errorFields } from '../log/error-fields.ts';
import { createEventLog, type EventLog, teeEventLog } from '../log/event-log.ts';
import { createLogger } from '../log/logger.ts';
import { EventMetrics } from '../ops/telemetry/event-metrics.ts';
import { Telemetry } from '../ops/telemetry/telemetry.ts';

/** The daemon: the composition root. Resolves with the exit code once a signal has stopped everything. */
export async function start(config: Config): Promise<ExitCode> {
  const lines = createEventLog(createLogger({ level: config.logLevel, destination: 'stdout', mixin: activeTrace }));
  const telemetry = await Telemetry.open({ ...config.telemetry, version }, lines);
  const metrics = new EventMetrics(telemetry.meter);
  const log = teeEventLog(metrics, lines);
  using shutdown = onShutdownSignal();
  log.emit('daemon.started', { version, config: redacted(config) });
  // Asked a second time, a person wants it gone now. Nothing is lost: a batch commits or does not, and the embedded
  // server ends with this process.
  void shutdown.impatient.then(() => process.exit(exitCode.done));
  const place = await openLocation(config, log, 'refuse');
  const daemon = daemonServices(config, place, log, metrics);
  const deadlineMs = daemon.stopWithinMs;
  const services = new Services([...opsServices(config, place, log, telemetry, daemon.poolUse), ...daemon.services]);
  const failed = services.startAll({ deadlineMs }).then(
    () => new Promise<never>(() => {}),
    (err: unknown) => err,
  );
  const signal = await Promise.race([shutdown.requested, failed.then((err) => ({ err }))]);
  return await stop(signal, services, place, log, deadlineMs);
}

async function stop(
  cause: NodeJS.Signals | { readonly err: unknown },
  services: Services,
  place: Location,
  log: EventLog,
  deadlineMs: number,
): Promise<ExitCode> {
  const startedAtMs = performance.now();
  const signal = typeof cause === 'string' ? cause : null;
  log.emit('daemon.stopping', { signal });
  const problems: unknown[] = typeof cause === 'string' ? [] : [cause.err];
  await services.stopAll({ deadlineMs }).catch((err: AggregateError) => problems.push(...err.errors));
  await place[Symbol.asyncDispose]();
  const reasons = [...(signal ? [signal] : []), ...problems.map((problem) => errorFields(problem).message)];
  log.emit('daemon.stopped', {
    reason: reasons.join('; '),
    durationMs: Math.round(performance.now() - startedAtMs),
  });
  return signal ? exitCode.done : exitCode.internal;
}
