import type { Config } from '../config/config.ts';
import type { LedgerDb } from '../db/schema.ts';
import { RECONCILE_QUEUE, reconcileJob } from '../housekeeping/reconciliation/reconcile-job.ts';
import { PRUNE_QUEUE, pruneJob } from '../housekeeping/retention/prune-job.ts';
import type { Boss } from '../jobs/boss.ts';
import { ledgerQueue } from '../jobs/ledger-queue.ts';
import type { Service } from '../lifecycle/service.ts';
import { processTime } from '../lifecycle/time.ts';
import type { EventLog } from '../log/event-log.ts';
import { Availability } from '../outage/availability.ts';
import { Outage } from '../outage/outage.ts';
import { Sampler } from '../sweeper/advice/sampler.ts';
import { Beat } from '../sweeper/observed-time/beat.ts';
import { Looks } from '../sweeper/on-time/looks.ts';
import { OnTime } from '../sweeper/on-time/on-time.ts';
import type { StillnessWatch } from '../sweeper/on-time/stillness-watch.ts';
import type { SweepObserver } from '../sweeper/pass/observer.ts';
import type { ProbeOptions } from '../sweeper/probe/suspect-probe.ts';
import type { Rounds } from '../sweeper/rounds/rounds.ts';
import { Pulse } from '../sweeper/schedule/pulse.ts';
import { sweepQueue } from '../sweeper/schedule/queue-name.ts';
import { Schedule } from '../sweeper/schedule/schedule.ts';
import { outdatedSchema, SchemaGate } from '../sweeper/schedule/schema-gate.ts';
import { Sweeper } from '../sweeper/sweeper.ts';
import type { WebhookObserver } from '../webhook/observer.ts';
import { UnservedSubscriptions } from '../webhook/unserved.ts';
import { webhookQueueNames } from '../webhook/webhook-queues.ts';
import { partOf } from './part-of-rounds.ts';
import { retentionPeriods } from './retention-periods.ts';
import { sweeperOptions } from './sweeper-options.ts';
import { webhookService } from './webhook-service.ts';

/** What a daemon's ledgers share. */
export interface Shared {
  readonly boss: Boss;
  /** What asks agents before their delegations are marked; undefined where A2A_PROBE is false. */
  readonly probe: ProbeOptions | undefined;
  /** For services that log an outage once together; default: those of the ledger. */
  readonly outage?: Outage;
  /** What is done for many ledgers at once; absent: there is one. */
  readonly many?: { readonly rounds: Rounds; readonly watch: StillnessWatch };
}

/** Where one ledger's events and measurements go. */
export interface LedgerOutlets {
  readonly log: EventLog;
  readonly observer?: (SweepObserver & WebhookObserver) | undefined;
}

export interface LedgerServices {
  /** In the order in which they start; they stop in reverse order. */
  readonly services: readonly Service[];
  /** One of the services, through which a sweep can be requested. */
  readonly schedule: Schedule;
  /** One of the services: whether the ledger's schema is current. */
  readonly gate: SchemaGate;
}

/**
 * The services of one ledger: its beat, sweeps, webhook, upkeep. Nothing of them is another ledger's, but for `shared`.
 * `config.dbSchema` names the ledger, `db` reaches it.
 */
export function ledgerServices(
  config: Config,
  db: LedgerDb,
  { boss, probe, outage: shared, many: ofMany }: Shared,
  { log, observer }: LedgerOutlets,
): LedgerServices {
  const { dbSchema, pgbossSchema } = config;
  const many = ofMany && partOf(dbSchema, db, log, ofMany);
  const options = sweeperOptions(config, probe);
  const outage = shared ?? new Outage(log);
  const availability = () => new Availability(log, undefined, outage);
  const beat = new Beat(db, log, config.stuckAfterMs, processTime, many?.leaveBeat);
  const sweeper = new Sweeper(db, log, options, observer, beat);
  const gate = new SchemaGate(() => outdatedSchema(db, dbSchema, pgbossSchema), log, availability());
  const job = () => ({ db, log, boss, availability: availability() });
  const recurring = [pruneJob(job(), { dbSchema, ...retentionPeriods(config) }), reconcileJob(job(), dbSchema)];
  const schedule = new Schedule(boss, sweeper, log, availability(), {
    dbSchema,
    db,
    pgbossSchema,
    cron: config.sweepCron,
    timezone: config.sweepTz,
    others: {
      queues: recurring.flatMap(({ scheduled }) => scheduled),
      async restore() {
        for (const each of recurring) await each.ensure();
      },
    },
    ...(many && { many }),
  });
  const onTimeOptions = many ? { stillness: many.stillness } : {};
  return {
    services: [
      ...(many ? [many.unwatched] : []),
      gate,
      new Pulse(beat, log, availability(), many !== undefined),
      many
        ? // The daemon stops it, after the last ledger.
          { name: 'pg-boss', start: () => boss.start(), async stop() {} }
        : boss,
      // Before the sweeps, whose events it is told.
      webhookService(config, boss, log, availability(), observer),
      new UnservedSubscriptions(db, log, availability(), { dbSchema, pgbossSchema }),
      schedule,
      ...recurring,
      ...(config.sweepOnTime ? [new OnTime(new Looks(db, options), sweeper, availability(), beat, onTimeOptions)] : []),
      new Sampler(db, log, beat.daemonId, config.stuckAfterMs, processTime, () => many?.stillness.isResting ?? false),
    ],
    schedule,
    gate,
  };
}

/** The queues of one ledger in pg-boss: those of recurring work, and those of its webhook. */
export function ledgerQueues(dbSchema: string): { readonly recurring: string[]; readonly webhook: string[] } {
  const { webhook, group, dead } = webhookQueueNames(dbSchema);
  return {
    recurring: [sweepQueue(dbSchema), ...[PRUNE_QUEUE, RECONCILE_QUEUE].map((queue) => ledgerQueue(queue, dbSchema))],
    webhook: [webhook, group, dead],
  };
}
