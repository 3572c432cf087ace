import { daemonServices } from '../../src/compose/daemon-services.ts';
import { loadConfig } from '../../src/config/load.ts';
import { Services } from '../../src/lifecycle/services.ts';
import { capturedLog } from './fixtures.ts';

/** The parts of the daemon, in this process, so that a test can request sweeps. */
export async function runDaemon(databaseUrl: string, env: Record<string, string> = {}) {
  const config = loadConfig({ DATABASE_URL: databaseUrl, STORM_RATIO: '0', ...env });
  const capture = capturedLog();
  const {
    services: list,
    scheduleOf,
    stopWithinMs: deadlineMs,
  } = await daemonServices(config, { location: { url: databaseUrl } }, { log: capture.log, of: () => capture });
  const services = new Services(list);
  await services.startAll({ deadlineMs });
  const schedule = scheduleOf(config.dbSchema);
  return { ...capture, schedule, [Symbol.asyncDispose]: () => services.stopAll({ deadlineMs }) };
}
