import { opsServices } from '../../src/compose/ops-services.ts';
import { loadConfig } from '../../src/config/load.ts';
import { Services } from '../../src/lifecycle/services.ts';
import { type EventLog, teeEventLog } from '../../src/log/event-log.ts';
import type { OpsServer } from '../../src/ops/ops-server.ts';
import { EventMetrics } from '../../src/ops/telemetry/event-metrics.ts';
import { Telemetry } from '../../src/ops/telemetry/telemetry.ts';
import { capturedLog } from '../support/fixtures.ts';
import { ask, type HttpAnswer } from './http.ts';

export interface RunningOps extends AsyncDisposable {
  readonly port: number;
  readonly metrics: EventMetrics;
  /** Also counted by the metrics. */
  readonly log: EventLog;
  events(name: string): Array<Record<string, unknown>>;
  get(path: string): Promise<HttpAnswer>;
  /** A reading of /metrics: the value by series, as Prometheus writes it. */
  series(): Promise<Map<string, number>>;
}

/** The daemon's ops server on this database, without the daemon's sweeps. */
export async function startOps(databaseUrl: string, env: NodeJS.ProcessEnv = {}): Promise<RunningOps> {
  const config = loadConfig({ DATABASE_URL: databaseUrl, OPS_PORT: '0', ...env });
  const { log: lines, events } = capturedLog();
  const telemetry = await Telemetry.open({ ...config.telemetry, version: '1.2.3' }, lines);
  const metrics = new EventMetrics(telemetry.meter);
  const daemon = { poolUse: () => ({ inUse: 2, idle: 1, waiting: 3 }), probe: undefined, ledgers: null };
  const all = opsServices(config, { location: { url: databaseUrl } }, lines, telemetry, daemon);
  const services = new Services(all);
  await services.startAll({ deadlineMs: 5_000 });
  const port = (all.at(-1) as OpsServer).port!;
  const get = (path: string) => ask(port, path);
  return {
    port,
    metrics,
    log: teeEventLog(metrics, lines),
    events,
    get,
    series: async () => seriesOf((await get('/metrics')).body),
    [Symbol.asyncDispose]: () => services.stopAll({ deadlineMs: 10_000 }),
  };
}

export function seriesOf(text: string): Map<string, number> {
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(
    lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ') + 1))]),
  );
}
