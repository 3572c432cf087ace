import type { Config } from '../config/config.ts';
import { type DatabaseHandle, openDatabase } from '../db/database.ts';
import { isRefusal, remedyOf } from '../db/refusal.ts';
import type { Service } from '../lifecycle/service.ts';
import type { EventLog } from '../log/event-log.ts';
import { NoAnswer } from '../ops/answer-within.ts';
import { Cached } from '../ops/cached.ts';
import { OpsServer } from '../ops/ops-server.ts';
import { pageRoute } from '../ops/page/page-route.ts';
import { livezRoute, type ReadinessReading, readyzRoute } from '../ops/readiness.ts';
import { observeGauges } from '../ops/telemetry/gauges.ts';
import type { Telemetry } from '../ops/telemetry/telemetry.ts';
import { Advisor } from '../sweeper/advice/advisor.ts';
import { readRefusal } from '../sweeper/observed-time/refusal.ts';
import { outdatedSchema } from '../sweeper/schedule/schema-gate.ts';
import { StatusReader } from '../sweeper/status/status-reader.ts';
import { UndeliveredReader } from '../webhook/undelivered.ts';
import { consolePages } from './console-pages.ts';
import type { DaemonServices } from './daemon-services.ts';
import { connectionOf, type Location } from './location.ts';
import { CONSOLE_POOL_MAX, OPS_POOL_MAX, READINESS_POOL_MAX } from './pool-sizes.ts';
import { statusOptions } from './sweeper-options.ts';
import { version } from './version.ts';

/** Slightly more than the server gives a reading's statements. */
const QUERY_TIMEOUT_MS = 6_000;

const READINESS_KEPT_MS = 1_000;
const STATUS_KEPT_MS = 5_000;
/** A kubelet soon gives up on a probe, and a scraper should not wait for a database that is away. */
const ANSWER_WITHIN_MS = 2_000;
/** The census reads every open delegation: it is taken again only after a hundred times its duration. */
const CENSUS_PAUSE_FACTOR = 100;

/** It changes slowly, and reads what was counted in 30 days. */
const ADVICE_KEPT_MS = 60_000;
/** Callees on the page, and those that are not counted apart. */
const ADVICE_CALLEES_SHOWN_MAX = 10;

/** The services that show the status over HTTP. They start before anything that needs the database. */
export function opsServices(
  config: Config,
  place: Pick<Location, 'location'>,
  log: EventLog,
  telemetry: Telemetry,
  daemon: Pick<DaemonServices, 'poolUse' | 'probe'>,
): Service[] {
  const open = (max: number) =>
    openDatabase({
      ...connectionOf(place, max, 'delegation-sweeper ops'),
      queryTimeoutMs: QUERY_TIMEOUT_MS,
      schema: config.dbSchema,
    });
  const handle = open(OPS_POOL_MAX);
  const readinessHandle = open(READINESS_POOL_MAX);
  const consoleHandle = open(CONSOLE_POOL_MAX);
  const reader = new StatusReader(handle.db, statusOptions(config));
  const readinessReader = new StatusReader(readinessHandle.db, statusOptions(config));
  const readiness = async (): Promise<ReadinessReading> => {
    const outdated = await outdatedSchema(readinessHandle.db, config.dbSchema, config.pgbossSchema);
    if (outdated !== null) return { outdated, punctuality: null };
    const punctuality = await readinessReader.punctuality();
    return { outdated, punctuality, refusal: await readRefusal(readinessHandle.db) };
  };
  const cached = <Value>(read: () => Promise<Value>, keepMs: (tookMs: number) => number): (() => Promise<Value>) => {
    const reading = new Cached(read, { keepMs, answerWithinMs: ANSWER_WITHIN_MS });
    return () => reading.get();
  };
  const status = cached(
    () => reader.status(),
    () => STATUS_KEPT_MS,
  );
  const history = cached(
    () => reader.history(),
    () => STATUS_KEPT_MS,
  );
  const census = cached(
    () => reader.census(),
    (tookMs) => Math.max(STATUS_KEPT_MS, CENSUS_PAUSE_FACTOR * tookMs),
  );
  const advisor = new Advisor(handle.db, config);
  const advice = cached(
    () => advisor.advice({ calleesMax: ADVICE_CALLEES_SHOWN_MAX }),
    (tookMs) => Math.max(ADVICE_KEPT_MS, CENSUS_PAUSE_FACTOR * tookMs),
  );
  const webhookReader = new UndeliveredReader(handle.db, config);
  const undelivered = cached(
    () => webhookReader.read(),
    () => STATUS_KEPT_MS,
  );
  observeGauges(telemetry.meter, { status, census, undelivered, pool: daemon.poolUse, version });
  const server = new OpsServer(log, {
    host: config.opsHost,
    port: config.opsPort,
    routes: {
      '/': pageRoute({ status, census, history, advice, undelivered, version, refusalOf }),
      '/livez': livezRoute,
      '/readyz': readyzRoute(
        cached(readiness, () => READINESS_KEPT_MS),
        refusalOf,
      ),
      '/metrics': telemetry.metricsRoute,
      ...consolePages(consoleHandle, config, { probe: daemon.probe, refusalOf }),
    },
  });
  const close = () => closeAll(handle, readinessHandle, consoleHandle);
  return [telemetry, { name: 'ops database', async start() {}, stop: close }, server];
}

/** Without an answer in time it is unknown whether the database would have refused. */
function refusalOf(err: unknown): { readonly remedy: string } | null {
  return !(err instanceof NoAnswer) && isRefusal(err) ? { remedy: remedyOf(err) } : null;
}

async function closeAll(...handles: readonly DatabaseHandle[]): Promise<void> {
  await Promise.all(handles.map((handle) => handle[Symbol.asyncDispose]()));
}
