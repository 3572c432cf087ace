import type { BatchObservableResult, Meter, ObservableGauge } from '@opentelemetry/api';
import type { Census } from '../../sweeper/status/census.ts';
import type { Status } from '../../sweeper/status/status.ts';
import type { Undelivered } from '../../webhook/undelivered.ts';
import type { PoolUse } from '../pool-use.ts';
import { attributesOf, type Instrument, instruments, type NameOf, PREFIX } from './instruments.ts';

/** The readings of one ledger. */
export interface LedgerProbes {
  readonly status: () => Promise<Status>;
  readonly census: () => Promise<Census>;
  /** Null: it cannot be read. */
  readonly undelivered: () => Promise<Undelivered | null>;
}

export interface GaugeProbes {
  /** By ledger, those that the daemon serves now; null in place of a name where its measurements do not name it. */
  readonly ledgers: () => ReadonlyMap<string | null, LedgerProbes>;
  readonly pool: () => PoolUse;
  readonly version: string;
}

type GaugeName = NameOf<'gauge'>;
type Observe = (name: GaugeName, value: number | null, labels?: Record<string, string>) => void;

const gaugeNames = (Object.keys(instruments) as (keyof typeof instruments)[]).filter(
  (name): name is GaugeName => instruments[name].kind === 'gauge',
);

const MS_PER_SECOND = 1000;

/** Reads the gauges at each collection. A gauge that cannot be read is left out, except for the time since the last sweep. */
export function observeGauges(meter: Meter, { ledgers, pool, version }: GaugeProbes): void {
  const gauges = new Map(gaugeNames.map((name) => [name, gauge(meter, name)]));
  const sinceSweeps = new WeakMap<LedgerProbes, SinceSweep>();
  const collect = async (result: BatchObservableResult): Promise<void> => {
    const observing =
      (common: Record<string, string>): Observe =>
      (name, value, labels) => {
        if (value !== null) result.observe(gauges.get(name)!, value, attributesOf({ ...common, ...labels }));
      };
    const observe = observing({});
    observe('build_info', 1, { version, node: process.versions.node });
    observePool(observe, pool());
    const readings = [...ledgers()].map(([ledger, probes]) => {
      const sinceSweep = sinceSweeps.get(probes) ?? new SinceSweep();
      sinceSweeps.set(probes, sinceSweep);
      return observeLedger(observing(ledger === null ? {} : { ledger }), probes, sinceSweep);
    });
    await Promise.all(readings);
  };
  meter.addBatchObservableCallback(collect, [...gauges.values()]);
}

async function observeLedger(
  observe: Observe,
  { status, census, undelivered }: LedgerProbes,
  sinceSweep: SinceSweep,
): Promise<void> {
  const [read, counted, webhook] = await Promise.allSettled([status(), census(), undelivered()]);
  observe('database_up', read.status === 'fulfilled' ? 1 : 0);
  if (read.status === 'fulfilled') {
    sinceSweep.update(read.value);
    observeStatus(observe, read.value);
  }
  if (counted.status === 'fulfilled') observeCensus(observe, counted.value);
  if (webhook.status === 'fulfilled') observeWebhook(observe, webhook.value);
  observe('since_last_sweep', sinceSweep.seconds());
}

function gauge(meter: Meter, name: GaugeName): ObservableGauge {
  const { help, unit }: Instrument = instruments[name];
  return meter.createObservableGauge(PREFIX + name, { description: help, ...(unit && { unit }) });
}

function observePool(observe: Observe, { inUse, idle, waiting }: PoolUse): void {
  observe('pool_connections', inUse, { state: 'in_use' });
  observe('pool_connections', idle, { state: 'idle' });
  observe('pool_waiting', waiting);
}

function observeStatus(observe: Observe, status: Status): void {
  const { now, skewMs, stuckAfterMs, storm, hold, lastSweep, day, oldest } = status;
  observe('poisoned', lastSweep?.poisoned ?? 0);
  observe('remaining', lastSweep?.remaining ?? 0);
  observe('storm_held', storm.state === 'held' ? 1 : 0);
  for (const state of instruments.storm.labels.state) observe('storm', storm.state === state ? 1 : 0, { state });
  const heldMs = hold?.by === 'operator' ? Math.max(1, now.getTime() - hold.since.getTime()) : 0;
  observe('operator_hold', heldMs / MS_PER_SECOND);
  observe('last_day_stuck', day.stuck);
  observe('last_day_stalled', day.stalled);
  observe('last_day_retried', day.retried);
  observe('last_day_late_results', day.lateResults);
  observe('last_day_unobserved', day.unobservedMs / MS_PER_SECOND);
  observe('oldest_silence', secondsOrNull(oldest.silenceMs));
  observe('oldest_silence_allowed', secondsOrNull(oldest.allowedMs));
  observe('oldest_overdue', oldest.overdueMs / MS_PER_SECOND);
  observe('stuck_after', stuckAfterMs / MS_PER_SECOND);
  observe('clock_skew', skewMs / MS_PER_SECOND);
}

function observeCensus(observe: Observe, { byStatus, capped, waiting, longestWaitMs, ownThreshold }: Census): void {
  for (const [status, count] of Object.entries(byStatus)) observe('delegations', count, { status });
  observe('delegations_capped', capped ? 1 : 0);
  observe('delegations_waiting', waiting);
  observe('delegations_own_threshold', ownThreshold);
  observe('oldest_wait', (longestWaitMs ?? 0) / MS_PER_SECOND);
}

function observeWebhook(observe: Observe, undelivered: Undelivered | null): void {
  if (undelivered === null) return;
  observe('webhook_waiting', undelivered.waiting);
  observe('webhook_oldest_waiting', (undelivered.oldestMs ?? 0) / MS_PER_SECOND);
  observe('webhook_dead', undelivered.dead);
}

function secondsOrNull(ms: number | null): number | null {
  return ms === null ? null : ms / MS_PER_SECOND;
}

/** The time since the last sweep. Continues between readings, on the process's clock, so that an outage does not stop the alert. */
class SinceSweep {
  #read: { readonly reading: Status; readonly sinceMs: number; readonly atMs: number } | undefined;

  update(reading: Status): void {
    // A cached reading comes several times: its age counts from the first.
    if (reading.sweptAt === null || reading === this.#read?.reading) return;
    const sinceMs = Math.max(0, reading.now.getTime() - reading.sweptAt.getTime());
    this.#read = { reading, sinceMs, atMs: performance.now() };
  }

  seconds(): number | null {
    if (!this.#read) return null;
    return (this.#read.sinceMs + performance.now() - this.#read.atMs) / MS_PER_SECOND;
  }
}
