import type { Config } from '../config/config.ts';
import { CONNECT_TIMEOUT_MS } from '../db/connection.ts';
import { databaseOn, openPool } from '../db/pool.ts';
import { PoolShares } from '../db/pool-shares.ts';
import { Boss } from '../jobs/boss.ts';
import { pgBossRunner } from '../jobs/pgboss-runner.ts';
import { pgBossTables } from '../jobs/pgboss-tables.ts';
import type { Service } from '../lifecycle/service.ts';
import type { EventLog } from '../log/event-log.ts';
import type { PoolUse } from '../ops/pool-use.ts';
import { Availability } from '../outage/availability.ts';
import { Outage } from '../outage/outage.ts';
import { StillnessWatch } from '../sweeper/on-time/stillness-watch.ts';
import type { ProbeOptions } from '../sweeper/probe/suspect-probe.ts';
import { Rounds } from '../sweeper/rounds/rounds.ts';
import type { Schedule } from '../sweeper/schedule/schedule.ts';
import { WebhookQueues } from '../webhook/webhook-queues.ts';
import { agentProbe } from './agent-probe.ts';
import { configOf, findLedgers } from './found-ledgers.ts';
import { type LedgerOutlets, type LedgerServices, ledgerServices, type Shared } from './ledger-services.ts';
import { Ledgers } from './ledgers.ts';
import { connectionOf, type Location } from './location.ts';
import { PGBOSS_POOL_MAX } from './pool-sizes.ts';
import { ServedLedger } from './served-ledger.ts';

/** Shares of SHUTDOWN_GRACE: for the jobs that are running, for the ledgers, and for all services. The rest is for the embedded server, and a margin. */
const JOBS_SHARE_OF_GRACE = 0.6;
const LEDGERS_SHARE_OF_GRACE = 0.15;
const SERVICES_SHARE_OF_GRACE = 0.8;

/** How often pg-boss looks for ticks where there are many: the schedules of a hundred take it 50 ms of CPU. */
const CRON_SECONDS_OF_MANY = 20;

/** A statement of many ledgers that takes longer is given up, and sent for each by itself. It takes milliseconds. */
const TOGETHER_MAX_MS = 2_000;

export interface DaemonServices {
  /** In the order in which they start; they stop in reverse order. */
  readonly services: readonly Service[];
  /** What serves the ledgers that DB_SCHEMAS names; null where there is one, DB_SCHEMA. */
  readonly ledgers: Pick<Ledgers, 'served' | 'missing'> | null;
  /** Through which a sweep of this ledger can be requested. Throws for a ledger that is not served. */
  readonly scheduleOf: (ledger: string) => Schedule;
  /** How the connections of the sweeper's pool are used now. */
  readonly poolUse: () => PoolUse;
  /** What asks agents before their delegations are marked; undefined where A2A_PROBE is false. */
  readonly probe: ProbeOptions | undefined;
  /** The time in which all services must stop. */
  readonly stopWithinMs: number;
}

export interface DaemonOutlets {
  /** Of the daemon as a whole. */
  readonly log: EventLog;
  /** Of one ledger. */
  readonly of: (ledger: string) => LedgerOutlets;
  /** How often the schemas of DB_SCHEMAS are looked up; default: every minute. */
  readonly lookEveryMs?: number;
}

/** Builds the services of the daemon. The demo runs the same ones. @throws CommandError where something is not installed. */
export async function daemonServices(
  config: Config,
  place: Pick<Location, 'location'>,
  { log, of, lookEveryMs }: DaemonOutlets,
): Promise<DaemonServices> {
  const shareOfGrace = (share: number) => Math.floor(config.shutdownGraceMs * share);
  const { pool } = openPool(connectionOf(place, config.dbPoolMax, 'delegation-sweeper'));
  const shares = new PoolShares(pool, { max: config.dbPoolMax, waitMs: CONNECT_TIMEOUT_MS });
  const outage = new Outage(log);
  const boss = new Boss(log, new Availability(log, undefined, outage), {
    connection: connectionOf(place, PGBOSS_POOL_MAX, 'delegation-sweeper pg-boss'),
    pgbossSchema: config.pgbossSchema,
    stopWithinMs: shareOfGrace(JOBS_SHARE_OF_GRACE),
    ...(config.dbSchemas !== null && { cronSeconds: CRON_SECONDS_OF_MANY }),
  });
  const probe = await agentProbe(config);
  // An outage of many ledgers' database is one of each ledger, which names it; with one ledger it is logged once.
  const many = config.dbSchemas === null ? null : manyOf(shares, boss, config);
  const shared: Shared = { boss, probe, ...(many === null ? { outage } : { many }) };
  const build = (ledger: string): LedgerServices & { db: ReturnType<typeof databaseOn> } => {
    const db = databaseOn(shares.add(), ledger);
    try {
      return { db, ...ledgerServices(configOf(config, ledger), db, shared, of(ledger)) };
    } catch (err) {
      // It is built again by the next look, with a share of its own.
      void db.destroy();
      throw err;
    }
  };
  const serve = (name: string) => {
    const { db, ...built } = build(name);
    const queues = new WebhookQueues(boss.pgBoss, { dbSchema: name, pgbossSchema: config.pgbossSchema });
    return new ServedLedger(built, {
      name,
      db,
      boss,
      log: of(name).log,
      unsubscribe: () => queues.unsubscribe(),
      stopWithinMs: shareOfGrace(LEDGERS_SHARE_OF_GRACE),
    });
  };
  const database: Service = { name: 'database', async start() {}, stop: () => pool.end() };
  const { use: poolUse } = shares;
  const common = { poolUse, probe, stopWithinMs: shareOfGrace(SERVICES_SHARE_OF_GRACE) };
  if (config.dbSchemas === null || many === null) {
    const { services, schedule } = build(config.dbSchema);
    return { ...common, services: [database, ...services], ledgers: null, scheduleOf: () => schedule };
  }
  const { dbSchemas } = config;
  const ledgers = new Ledgers(log, new Availability(log, undefined, outage), {
    find: () => findLedgers(many.db, dbSchemas, config),
    serve,
    logOf: (name) => of(name).log,
    dbSchemas,
    ...(lookEveryMs !== undefined && { lookEveryMs }),
  });
  const scheduleOf = (ledger: string) => {
    const served = ledgers.served.get(ledger);
    if (served === undefined) throw new Error(`the ledger ${ledger} is not served`);
    return served.schedule;
  };
  // The ledgers start it, once one of their schemas is current.
  const stopBoss: Service = { name: 'pg-boss', async start() {}, stop: () => boss.stop() };
  return { ...common, services: [database, stopBoss, many.watch, ledgers], ledgers, scheduleOf };
}

/** What is done for many ledgers at once, over connections that belong to none of them. */
function manyOf(shares: PoolShares, { pgBoss }: Boss, { dbSchema, pgbossSchema }: Config) {
  const onPgBoss = { runner: pgBossRunner(pgBoss), tables: pgBossTables(pgbossSchema) };
  const db = databaseOn(shares.add({ queryMaxMs: TOGETHER_MAX_MS }), dbSchema);
  return {
    db: databaseOn(shares.add(), dbSchema),
    rounds: new Rounds({ db, pgBoss: onPgBoss }),
    watch: new StillnessWatch(db),
  };
}
