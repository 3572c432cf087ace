import { CommandError } from '../compose/command-error.ts';
import { daemonServices } from '../compose/daemon-services.ts';
import { type ExitCode, exitCode } from '../compose/exit-code.ts';
import { connectionOf } from '../compose/location.ts';
import type { Config } from '../config/config.ts';
import { openDatabase } from '../db/database.ts';
import { DelegationLedger } from '../index.ts';
import { Periodic } from '../lifecycle/periodic.ts';
import { Services } from '../lifecycle/services.ts';
import { onShutdownSignal } from '../lifecycle/signals.ts';
import { errorFields } from '../log/error-fields.ts';
import type { EventLog } from '../log/event-log.ts';
import { seconds } from '../log/seconds.ts';
import type { Schedule } from '../sweeper/schedule/schedule.ts';
import { closingTable } from './closing-table.ts';
import { demoConfig } from './demo-config.ts';
import { fleetShow } from './fleet-show.ts';
import { Progress } from './progress.ts';
import { openScreen } from './screen.ts';
import type { Show } from './show.ts';
import { Stage, stageNames } from './stage.ts';
import { untilAborted } from './until-aborted.ts';
import type { Result } from './verdict.ts';

/** It takes about 20 seconds, with A2A about 30. */
const LIMIT_MS = 90_000;
/** A cron tick is a minute, which is too long here: the demo asks for its sweeps itself, through the same queue. */
const SWEEP_EVERY_MS = 1_000;

export interface DemoOptions {
  readonly json?: boolean;
  /** Agents that speak A2A, instead of ones that use the ledger themselves. */
  readonly a2a?: boolean;
}

/** The main task on a live fleet: the daemon's own services, agents in their own processes, and how each ends. */
export async function demo(config: Config, { json = false, a2a = false }: DemoOptions = {}): Promise<ExitCode> {
  const startedAtMs = performance.now();
  using shutdown = onShutdownSignal();
  const interrupt = new AbortController();
  void shutdown.requested.then((signal) => interrupt.abort(new Error(`interrupted by ${signal}`)));
  const limit = AbortSignal.timeout(LIMIT_MS);
  using screen = openScreen({ json });
  // With the SDK, which the other needs as little as the daemon.
  const show = a2a ? (await import('./a2a/a2a-show.ts')).a2aShow : fleetShow;
  const progress = new Progress(show.roles);
  screen.showProgress(() => progress.text());
  try {
    const results = await stageAndPerform(show, config, progress.follow(screen.log), progress, interrupt.signal, limit);
    const unexpected = results.filter(({ asExpected }) => !asExpected).map(({ agent }) => agent);
    const durationMs = Math.round(performance.now() - startedAtMs);
    const asExpected = results.length - unexpected.length;
    screen.showProgress(() => '');
    screen.print(`\n${closingTable(results)}\n\n`);
    screen.print(`${asExpected} of ${results.length} as they should be, in ${seconds(durationMs, { whole: true })}.\n`);
    screen.log.emit('demo.completed', {
      agents: results.length,
      asExpected,
      unexpected,
      timedOut: limit.aborted,
      durationMs,
    });
    if (limit.aborted) throw overLimit();
    return unexpected.length === 0 ? exitCode.done : exitCode.no;
  } catch (err) {
    if (limit.aborted && !(err instanceof CommandError)) throw overLimit(err);
    if (!interrupt.signal.aborted) throw err;
    // Whatever failed did so because of the interrupt: Ctrl-C reaches a starting server's programs as well.
    screen.showProgress(() => '');
    screen.print('');
    process.stderr.write('The demo was interrupted; its agents and its data are gone.\n');
    return exitCode.interrupted;
  }
}

function overLimit(cause?: unknown): CommandError {
  return new CommandError(
    exitCode.no,
    `The demo did not end within ${seconds(LIMIT_MS)}.\nWhat to do: try again while this machine is less busy.`,
    { cause },
  );
}

/** Everything that is opened here is closed at the end, in reverse order, however it ends. */
async function stageAndPerform(
  show: Show,
  config: Config,
  log: EventLog,
  progress: Progress,
  interrupt: AbortSignal,
  limit: AbortSignal,
): Promise<Result[]> {
  const names = stageNames();
  const settings = demoConfig(config, names, show.env);
  log.emit('demo.started', {
    agents: show.roles.length,
    stuckAfterMs: settings.stuckAfterMs,
    database: config.database.kind === 'embedded' ? 'embedded' : 'given',
    schema: names.dbSchema,
    limitMs: LIMIT_MS,
  });
  await using stage = await Stage.open(config.database, names, log);
  interrupt.throwIfAborted();
  const daemon = await daemonServices(settings, stage, { log, of: () => ({ log }) });
  const services = new Services([...daemon.services, sweepRequests(daemon.scheduleOf(names.dbSchema), log)]);
  await using undo = new AsyncDisposableStack();
  undo.defer(() => services.stopAll({ deadlineMs: daemon.stopWithinMs }));
  await untilAborted(services.startAll({ deadlineMs: daemon.stopWithinMs }), AbortSignal.any([interrupt, limit]));
  const handle = undo.use(
    openDatabase({ ...connectionOf(stage, 4, 'delegation-sweeper demo'), schema: names.dbSchema }),
  );
  const results = await show.perform({
    ledger: new DelegationLedger(handle.db, { logger: { info() {}, warn() {}, error() {} } }),
    log,
    location: stage.location,
    dbSchema: names.dbSchema,
    interrupt,
    limit,
    onSettled: (role) => progress.settled(role),
  });
  for (const result of results) log.emit('demo.result', result);
  progress.clearingUp();
  return results;
}

function sweepRequests(schedule: Schedule, log: EventLog): Periodic {
  return new Periodic({
    name: 'sweep requests',
    everyMs: SWEEP_EVERY_MS,
    run: async () => void (await schedule.request('manual')),
    onError: (err) => log.emit('pgboss.error', { err: errorFields(err) }),
  });
}
