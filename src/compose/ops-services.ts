import type { Config } from '../config/config.ts';
import { openDatabase } from '../db/database.ts';
import type { Service } from '../lifecycle/service.ts';
import type { EventLog } from '../log/event-log.ts';
import { Cached } from '../ops/cached.ts';
import { OpsServer } from '../ops/ops-server.ts';
import { pageRoute } from '../ops/page/page-route.ts';
import type { PoolUse } from '../ops/probes.ts';
import { livezRoute, type ReadinessReading, readyzRoute } from '../ops/readiness.ts';
import { observeGauges } from '../ops/telemetry/gauges.ts';
import type { Telemetry } from '../ops/telemetry/telemetry.ts';
import { readRefusal } from '../sweeper/observed-time/refusal.ts';
import { outdatedSchema } from '../sweeper/schedule/schema-gate.ts';
import { StatusReader } from '../sweeper/status/status-reader.ts';
import { connectionOf, type Location } from './location.ts';
import { statusOptions } from './sweeper-options.ts';
import { version } from './version.ts';

/** A pool of its own: whoever asks how it goes can never hold a sweep up. One for the probes, one for slow readings. */
const POOL_MAX = 2;
/** A little more than a reading's statements may take on the server. */
const QUERY_TIMEOUT_MS = 6_000;

const READINESS_KEPT_MS = 1_000;
const STATUS_KEPT_MS = 5_000;
/** A kubelet gives up on a probe soon, and a scraper should not wait for a database that is away. */
const ANSWER_WITHIN_MS = 2_000;
/** The census looks at every open delegation: one reading in a hundred times what it took. */
const CENSUS_PAUSE_FACTOR = 100;

/** How it goes, over HTTP: they start before anything that needs the database. */
export function opsServices(
  config: Config,
  place: Pick<Location, 'location'>,
  log: EventLog,
  telemetry: Telemetry,
  pool: () => PoolUse,
): Service[] {
  const handle = openDatabase({
    ...connectionOf(place, POOL_MAX, 'delegation-sweeper ops'),
    queryTimeoutMs: QUERY_TIMEOUT_MS,
    schema: config.dbSchema,
  });
  const reader = new StatusReader(handle.db, statusOptions(config));
  const readiness = async (): Promise<ReadinessReading> => {
    const outdated = await outdatedSchema(handle.db, config.dbSchema, config.pgbossSchema);
    if (outdated !== null) return { outdated, punctuality: null };
    return { outdated, punctuality: await reader.punctuality(), refusal: await readRefusal(handle.db) };
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
  observeGauges(telemetry.meter, { status, census, pool, version });
  const server = new OpsServer(log, {
    host: config.opsHost,
    port: config.opsPort,
    routes: {
      '/': pageRoute({ status, census, history, version }),
      '/livez': livezRoute,
      '/readyz': readyzRoute(cached(readiness, () => READINESS_KEPT_MS)),
      '/metrics': telemetry.metricsRoute,
    },
  });
  return [
    telemetry,
    { name: 'ops database', async start() {}, stop: async () => handle[Symbol.asyncDispose]() },
    server,
  ];
}
