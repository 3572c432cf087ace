import type { Config } from '../config/config.ts';
import { CONNECT_TIMEOUT_MS } from '../db/connection.ts';
import { databaseOn, openPool } from '../db/pool.ts';
import { PoolShares } from '../db/pool-shares.ts';
import { isRefusal, remedyOf } from '../db/refusal.ts';
import type { Service } from '../lifecycle/service.ts';
import type { EventLog } from '../log/event-log.ts';
import type { Route } from '../ops/answer.ts';
import { NoAnswer } from '../ops/answer-within.ts';
import { OpsServer } from '../ops/ops-server.ts';
import { livezRoute, readyzRoute } from '../ops/readiness.ts';
import { type GaugeProbes, observeGauges } from '../ops/telemetry/gauges.ts';
import type { Telemetry } from '../ops/telemetry/telemetry.ts';
import type { DaemonServices } from './daemon-services.ts';
import { configOf } from './found-ledgers.ts';
import { type LedgerOps, ledgerOps } from './ledger-ops.ts';
import { connectionOf, type Location } from './location.ts';
import { ManyLedgerOps } from './many-ledger-ops.ts';
import { CONSOLE_POOL_MAX, MANY_READINESS_POOL_MAX, OPS_POOL_MAX, READINESS_POOL_MAX } from './pool-sizes.ts';
import { version } from './version.ts';

/** Slightly more than the server gives a reading's statements. */
const QUERY_TIMEOUT_MS = 6_000;

/** What the ops server shows of the ledgers that are served. */
interface Shown {
  readonly routes: Readonly<Record<string, Route>>;
  readonly ledgers: GaugeProbes['ledgers'];
}

/** The services that show the status over HTTP. They start before anything that needs the database. */
export function opsServices(
  config: Config,
  place: Pick<Location, 'location'>,
  log: EventLog,
  telemetry: Telemetry,
  daemon: Pick<DaemonServices, 'poolUse' | 'probe' | 'ledgers'>,
): Service[] {
  const open = (max: number) => {
    const connection = connectionOf(place, max, 'delegation-sweeper ops');
    const { pool } = openPool({ ...connection, queryTimeoutMs: QUERY_TIMEOUT_MS });
    return { pool, shares: new PoolShares(pool, { max, waitMs: CONNECT_TIMEOUT_MS }) };
  };
  const readinessMax = config.dbSchemas === null ? READINESS_POOL_MAX : MANY_READINESS_POOL_MAX;
  const pools = { ops: open(OPS_POOL_MAX), readiness: open(readinessMax), console: open(CONSOLE_POOL_MAX) };
  const opsOf = (ledger: string): LedgerOps & AsyncDisposable => {
    const on = ({ shares }: (typeof pools)['ops']) => databaseOn(shares.add(), ledger);
    const handles = { ops: on(pools.ops), readiness: on(pools.readiness), console: on(pools.console) };
    return {
      ...ledgerOps(configOf(config, ledger), handles, { probe: daemon.probe, refusalOf }),
      async [Symbol.asyncDispose]() {
        await Promise.all(Object.values(handles).map((db) => db.destroy()));
      },
    };
  };
  const { routes, ledgers } = shown(config, daemon, opsOf);
  observeGauges(telemetry.meter, { ledgers, pool: daemon.poolUse, version });
  const server = new OpsServer(log, {
    host: config.opsHost,
    port: config.opsPort,
    routes: { '/livez': livezRoute, '/metrics': telemetry.metricsRoute, ...routes },
  });
  const close = async () => void (await Promise.all(Object.values(pools).map(({ pool }) => pool.end())));
  return [telemetry, { name: 'ops database', async start() {}, stop: close }, server];
}

function shown(
  config: Config,
  daemon: Pick<DaemonServices, 'ledgers'>,
  opsOf: (ledger: string) => LedgerOps & AsyncDisposable,
): Shown {
  if (daemon.ledgers !== null) {
    const many = new ManyLedgerOps(daemon.ledgers, { opsOf, refusalOf, version });
    return { routes: many.routes, ledgers: () => many.probes() };
  }
  const { routes, probes, readiness } = opsOf(config.dbSchema);
  const ledgers = new Map([[null, probes]]);
  return { routes: { ...routes, '/readyz': readyzRoute(readiness, refusalOf) }, ledgers: () => ledgers };
}

/** Without an answer in time it is unknown whether the database would have refused. */
function refusalOf(err: unknown): { readonly remedy: string } | null {
  return !(err instanceof NoAnswer) && isRefusal(err) ? { remedy: remedyOf(err) } : null;
}
