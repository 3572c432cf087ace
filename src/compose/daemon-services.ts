import type { Config } from '../config/config.ts';
import { openDatabase } from '../db/database.ts';
import { reconcileJob } from '../housekeeping/reconciliation/reconcile-job.ts';
import { pruneJob } from '../housekeeping/retention/prune-job.ts';
import { Boss } from '../jobs/boss.ts';
import type { Service } from '../lifecycle/service.ts';
import type { EventLog } from '../log/event-log.ts';
import type { PoolUse } from '../ops/pool-use.ts';
import { Availability } from '../outage/availability.ts';
import { Outage } from '../outage/outage.ts';
import { Sampler } from '../sweeper/advice/sampler.ts';
import { Beat } from '../sweeper/observed-time/beat.ts';
import { Looks } from '../sweeper/on-time/looks.ts';
import { OnTime } from '../sweeper/on-time/on-time.ts';
import type { SweepObserver } from '../sweeper/pass/observer.ts';
import type { ProbeOptions } from '../sweeper/probe/suspect-probe.ts';
import { Pulse } from '../sweeper/schedule/pulse.ts';
import { Schedule } from '../sweeper/schedule/schedule.ts';
import { outdatedSchema, SchemaGate } from '../sweeper/schedule/schema-gate.ts';
import { Sweeper } from '../sweeper/sweeper.ts';
import type { WebhookObserver } from '../webhook/observer.ts';
import { agentProbe } from './agent-probe.ts';
import { connectionOf, type Location } from './location.ts';
import { PGBOSS_POOL_MAX } from './pool-sizes.ts';
import { retentionPeriods } from './retention-periods.ts';
import { sweeperOptions } from './sweeper-options.ts';
import { webhookService } from './webhook-service.ts';

/** Shares of SHUTDOWN_GRACE: for the jobs that are running, and for all services. The rest is for the embedded server, and a margin. */
const JOBS_SHARE_OF_GRACE = 0.6;
const SERVICES_SHARE_OF_GRACE = 0.8;

export interface DaemonServices {
  /** In the order in which they start; they stop in reverse order. */
  readonly services: readonly Service[];
  /** One of the services, through which a sweep can be requested. */
  readonly schedule: Schedule;
  /** How the connections of the sweeper's pool are used now. */
  readonly poolUse: () => PoolUse;
  /** What asks agents before their delegations are marked; undefined where A2A_PROBE is false. */
  readonly probe: ProbeOptions | undefined;
  /** The time in which all services must stop. */
  readonly stopWithinMs: number;
}

/** Builds the services of the daemon. The demo runs the same ones. @throws CommandError where something is not installed. */
export async function daemonServices(
  config: Config,
  place: Pick<Location, 'location'>,
  log: EventLog,
  observer?: SweepObserver & WebhookObserver,
): Promise<DaemonServices> {
  const probe = await agentProbe(config);
  const options = sweeperOptions(config, probe);
  const handle = openDatabase({
    ...connectionOf(place, config.dbPoolMax, 'delegation-sweeper'),
    schema: config.dbSchema,
  });
  const outage = new Outage(log);
  const availability = () => new Availability(log, undefined, outage);
  const beat = new Beat(handle.db, log, config.stuckAfterMs);
  const sweeper = new Sweeper(handle.db, log, options, observer, beat);
  const boss = new Boss(log, availability(), {
    connection: connectionOf(place, PGBOSS_POOL_MAX, 'delegation-sweeper pg-boss'),
    pgbossSchema: config.pgbossSchema,
    stopWithinMs: Math.floor(config.shutdownGraceMs * JOBS_SHARE_OF_GRACE),
  });
  const schedule = new Schedule(boss, sweeper, log, availability(), {
    dbSchema: config.dbSchema,
    pgbossSchema: config.pgbossSchema,
    cron: config.sweepCron,
    timezone: config.sweepTz,
  });
  const prunes = pruneJob(
    { db: handle.db, log, boss, availability: availability() },
    { dbSchema: config.dbSchema, ...retentionPeriods(config) },
  );
  const onTime = new OnTime(new Looks(handle.db, options), sweeper, availability(), beat);
  return {
    services: [
      { name: 'database', async start() {}, stop: async () => handle[Symbol.asyncDispose]() },
      new SchemaGate(() => outdatedSchema(handle.db, config.dbSchema, config.pgbossSchema), log, availability()),
      new Pulse(beat, log, availability()),
      boss,
      // Before the sweeps, whose events it is told.
      webhookService(config, boss, log, availability(), observer),
      schedule,
      prunes,
      reconcileJob({ db: handle.db, log, boss, availability: availability() }, config.dbSchema),
      ...(config.sweepOnTime ? [onTime] : []),
      new Sampler(handle.db, log, beat.daemonId, config.stuckAfterMs),
    ],
    schedule,
    probe,
    poolUse: () => {
      const { totalCount, idleCount, waitingCount } = handle.pool;
      return { inUse: totalCount - idleCount, idle: idleCount, waiting: waitingCount };
    },
    stopWithinMs: Math.floor(config.shutdownGraceMs * SERVICES_SHARE_OF_GRACE),
  };
}
