import { daemonServices } from '../compose/daemon-services.ts';
import { type ExitCode, exitCode } from '../compose/exit-code.ts';
import type { LedgerOutlets } from '../compose/ledger-services.ts';
import { type Location, openDaemonLocation } from '../compose/location.ts';
import { opsServices } from '../compose/ops-services.ts';
import { version } from '../compose/version.ts';
import { type Config, redacted } from '../config/config.ts';
import { Services } from '../lifecycle/services.ts';
import { onShutdownSignal, type ShutdownSignal } from '../lifecycle/signals.ts';
import { activeTrace } from '../log/active-trace.ts';
import { errorFields } from '../log/error-fields.ts';
import { createEventLog, type EventLog, teeEventLog } from '../log/event-log.ts';
import { createLogger } from '../log/logger.ts';
import { EventMetrics } from '../ops/telemetry/event-metrics.ts';
import { withLedger } from '../ops/telemetry/ledger-meter.ts';
import { Telemetry } from '../ops/telemetry/telemetry.ts';
import { logWarnings } from './command-log.ts';
import { failureOf } from './failure.ts';

/**
 * The daemon: the composition root. Resolves with the exit code once a signal has stopped everything. Rejects with the
 * reason when it cannot start; the reason has been logged as `daemon.start_failed` by then.
 */
export async function start(config: Config): Promise<ExitCode> {
  const logger = createLogger({ level: config.logLevel, destination: 'stdout', mixin: activeTrace });
  const lines = createEventLog(logger);
  using _warnings = logWarnings(lines);
  // Never disposed: without a listener, a signal in the last moments would end the process with the signal's exit code.
  const shutdown = onShutdownSignal();
  // A second signal ends the process at once. Nothing is lost: a batch commits or does not, and the embedded server ends
  // with this process.
  void shutdown.impatient.then(() => process.exit(exitCode.done));
  try {
    const telemetry = await Telemetry.open({ ...config.telemetry, version }, lines);
    const metrics = new EventMetrics(telemetry.meter);
    const log = teeEventLog(metrics, lines);
    log.emit('daemon.started', { version, config: redacted(config) });
    const place = await openDaemonLocation(config, log);
    announce(place);
    const of = (ledger: string): LedgerOutlets => {
      // With DB_SCHEMA there is no other one to tell it from.
      if (config.dbSchemas === null) return { log, observer: metrics };
      const ofLedger = new EventMetrics(withLedger(telemetry.meter, ledger));
      return { log: teeEventLog(ofLedger, createEventLog(logger, { ledger })), observer: ofLedger };
    };
    const daemon = await daemonServices(config, place, { log, of });
    const services = [...opsServices(config, place, log, telemetry, daemon), ...daemon.services];
    return await run(new Services(services), place, log, shutdown, daemon.stopWithinMs);
  } catch (err) {
    // `run` has logged this one.
    if (!(err instanceof StartFailed)) logFailure(lines, err);
    throw err instanceof StartFailed ? err.cause : err;
  }
}

/** Logged already, and everything that had started was stopped. */
class StartFailed extends Error {}

function logFailure(log: EventLog, err: unknown): void {
  log.emit('daemon.start_failed', { err: errorFields(err), exitCode: failureOf(err).exitCode || exitCode.internal });
}

/** Tells agents how to reach the embedded database. Not logged: no line of the log holds a URL. */
function announce({ embeddedUrl }: Location): void {
  if (embeddedUrl === null) return;
  process.stderr.write(`Agents on this machine reach the embedded database by DATABASE_URL='${embeddedUrl}'\n`);
}

async function run(
  services: Services,
  place: Location,
  log: EventLog,
  shutdown: ShutdownSignal,
  deadlineMs: number,
): Promise<ExitCode> {
  const failed = services.startAll({ deadlineMs }).then(
    () => new Promise<never>(() => {}),
    (err: unknown) => err,
  );
  const cause = await Promise.race([shutdown.requested, failed.then((err) => ({ err }))]);
  if (typeof cause !== 'string') logFailure(log, cause.err);
  await stop(cause, services, place, log, deadlineMs);
  if (typeof cause !== 'string') throw new StartFailed('the daemon did not start', { cause: cause.err });
  return exitCode.done;
}

async function stop(
  cause: NodeJS.Signals | { readonly err: unknown },
  services: Services,
  place: Location,
  log: EventLog,
  deadlineMs: number,
): Promise<void> {
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
}
