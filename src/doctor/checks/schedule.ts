import { setTimeout as sleep } from 'node:timers/promises';
import { duration } from '../../log/duration.ts';
import { sweepQueue } from '../../sweeper/schedule/queue-name.ts';
import type { Punctuality } from '../../sweeper/status/status.ts';
import { check, type Seen } from '../check.ts';
import { readScheduleState, type ScheduleState } from '../schedule-state.ts';
import { daemonsStatement } from '../statements/daemons.ts';
import type { Subject } from '../subject.ts';

/** A daemon that has just started has its schedule and its first sweep within a few seconds. */
const SETTLE_MS = 15_000;
const POLL_MS = 500;

export interface ScheduleReading {
  readonly punctuality: Punctuality;
  /** Whether a daemon leaves beats. */
  readonly watched: boolean;
  /** Null: this role may not read it. */
  readonly scheduled: Pick<ScheduleState, 'cron' | 'timezone'> | null;
}

export const schedule = check({
  name: 'schedule',
  about: 'The schedule of sweeps in pg-boss against SWEEP_CRON and SWEEP_TZ, and the age of the last sweep against it.',
  faults: {
    missing: {
      severity: 'problem',
      when: 'A daemon runs, and pg-boss has no schedule for its sweeps',
      remedy:
        'Restart the daemon: `kubectl -n delegation-sweeper rollout restart deployment/delegation-sweeper`. If it stays so, read its log (`pgboss.error`), and compare PGBOSS_SCHEMA.',
    },
    other_cron: {
      severity: 'advice',
      when: 'The schedule is not SWEEP_CRON and SWEEP_TZ as they are set here: the daemon that started last has others',
      remedy: 'Give this program and all replicas the same SWEEP_CRON and SWEEP_TZ, and restart the replicas.',
    },
    late: {
      severity: 'problem',
      when: 'A daemon runs, and no sweep has succeeded for three occurrences of SWEEP_CRON',
      remedy: 'Read the log of the daemons: `sweep.failed`, `sweep.tick_missed` and `pgboss.error` say why.',
    },
  },
  read: settled,
  judge: judgeSchedule,
});

/** Right after a start the reading is repeated until the daemon has got so far, for a while. */
async function settled(subject: Subject): Promise<ScheduleReading> {
  const untilMs = performance.now() + (subject.options.settleMs ?? SETTLE_MS);
  for (;;) {
    const reading = await read(subject);
    const isAwaited = reading.watched && (isMissing(reading) || isLate(reading));
    if (!isAwaited || performance.now() >= untilMs) return reading;
    await sleep(POLL_MS);
  }
}

async function read(subject: Subject): Promise<ScheduleReading> {
  const { tables } = subject;
  const daemons = await subject.catalogue((session) => daemonsStatement(tables).run(session, {}));
  const scheduled = await readScheduleState(subject);
  const punctuality = await subject.status.punctuality();
  return { punctuality, watched: daemons.some(({ present }) => present), scheduled };
}

function isMissing({ scheduled }: ScheduleReading): boolean {
  return scheduled !== null && scheduled.cron === null;
}

function isLate({ punctuality: { sweptAt, dueSince } }: ScheduleReading): boolean {
  return sweptAt === null || sweptAt < dueSince;
}

/** Pure. Where no daemon runs, the check `daemons` says so, and what follows from it is not repeated here. */
export function judgeSchedule(
  reading: ScheduleReading,
  { options }: Pick<Subject, 'options'>,
): Seen<'missing' | 'other_cron' | 'late'>[] {
  const { punctuality, watched, scheduled } = reading;
  const { now, sweptAt, dueSince, nextAt } = punctuality;
  const { expression, timezone } = options.cron;
  const seen: Seen<'missing' | 'other_cron' | 'late'>[] = [];
  if (watched && isMissing(reading)) {
    const how = `${options.pgbossSchema}.schedule has no row for the queue ${sweepQueue(options.dbSchema)}`;
    seen.push({ fault: 'missing', what: 'The sweeps are not scheduled', how });
  }
  if (scheduled?.cron != null && (scheduled.cron !== expression || (scheduled.timezone ?? 'UTC') !== timezone)) {
    const how = `scheduled: ${scheduled.cron} in ${scheduled.timezone ?? 'UTC'}; SWEEP_CRON here: ${expression} in ${timezone}`;
    seen.push({ fault: 'other_cron', what: 'The schedule is not the one that is configured here', how });
  }
  const last =
    sweptAt === null
      ? 'no sweep has ever succeeded'
      : `the last sweep was ${duration(now.getTime() - sweptAt.getTime())} ago`;
  if (watched && isLate(reading)) {
    const how = `${last}; by ${expression} one was due since ${dueSince.toISOString()}`;
    seen.push({ fault: 'late', what: 'The sweeps are late', how });
  } else seen.push({ note: `${last}; the next tick is in ${duration(nextAt.getTime() - now.getTime())}` });
  if (scheduled === null)
    seen.push({ note: "the schedule itself was not compared: this role may not read pg-boss's tables" });
  return seen;
}
