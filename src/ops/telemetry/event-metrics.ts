import type { Counter, Histogram } from '@opentelemetry/api';
import type { EventFields, EventName } from '../../log/catalogue.ts';
import { ERROR_TYPE, errorClass } from '../../log/error-class.ts';
import type { EventLog } from '../../log/event-log.ts';
import { attributesOf, type Instrument, type InstrumentName, instruments, type NameOf, PREFIX } from './instruments.ts';
import type { OurMeter } from './ledger-meter.ts';

type Handlers = { readonly [E in EventName]?: (fields: EventFields<E>) => void };

const MS_PER_SECOND = 1000;

/** Receives the same events as the log, and counts them. */
export class EventMetrics implements EventLog {
  readonly #handlers: Handlers;
  readonly #latency: Histogram;
  readonly #posts: Counter;
  readonly #postDuration: Histogram;

  constructor(meter: OurMeter) {
    const sweeps = counter(meter, 'sweeps');
    const marked = counter(meter, 'marked');
    const retried = counter(meter, 'retried');
    const unobserved = counter(meter, 'unobserved');
    const errors = counter(meter, 'database_errors');
    const duration = histogram(meter, 'sweep_duration');
    const reconciles = counter(meter, 'reconciles');
    const healed = counter(meter, 'healed');
    const notHealed = counter(meter, 'not_healed');
    const probes = counter(meter, 'probes');
    const probeDuration = histogram(meter, 'probe_duration');
    const prunes = counter(meter, 'prunes');
    const pruned = counter(meter, 'pruned');
    const removed = ({ delegations, activity }: Pick<EventFields<'prune.completed'>, 'delegations' | 'activity'>) => {
      pruned.add(delegations, attributesOf({ table: 'delegations' }));
      pruned.add(activity, attributesOf({ table: 'activity_logs' }));
    };
    const failed = ({ err }: EventFields<'pgboss.error'>) => errors.add(1, attributesOf({ class: errorClass(err) }));
    this.#latency = histogram(meter, 'detection_latency');
    this.#posts = counter(meter, 'webhook_posts');
    this.#postDuration = histogram(meter, 'webhook_post_duration');
    this.#handlers = {
      'sweep.completed': ({ trigger, held, truncated, durationMs }) => {
        sweeps.add(1, attributesOf({ trigger, outcome: held ? 'held' : truncated ? 'truncated' : 'completed' }));
        duration.record(durationMs / MS_PER_SECOND);
      },
      'sweep.failed': ({ trigger, durationMs, err }) => {
        sweeps.add(1, attributesOf({ trigger, outcome: 'failed' }));
        duration.record(durationMs / MS_PER_SECOND, { [ERROR_TYPE]: errorClass(err) });
        failed({ err });
      },
      'sweep.unobserved': ({ gapMs }) => unobserved.add(gapMs / MS_PER_SECOND),
      'delegation.probed': ({ outcome, tookMs }) => {
        probes.add(1, attributesOf({ outcome }));
        probeDuration.record(tookMs / MS_PER_SECOND);
      },
      'delegation.stuck': ({ retriedAs }) => {
        marked.add(1, attributesOf({ rule: 'stale' }));
        if (retriedAs !== null) retried.add(1);
      },
      'delegation.stalled': ({ retriedAs }) => {
        marked.add(1, attributesOf({ rule: 'stalled' }));
        if (retriedAs !== null) retried.add(1);
      },
      'delegation.deadline_exceeded': () => marked.add(1, attributesOf({ rule: 'overdue' })),
      'reconcile.completed': ({ interrupted }) =>
        reconciles.add(1, attributesOf({ outcome: interrupted ? 'interrupted' : 'completed' })),
      'reconcile.failed': ({ err }) => {
        reconciles.add(1, attributesOf({ outcome: 'failed' }));
        failed({ err });
      },
      'delegation.healed': ({ kind }) => healed.add(1, attributesOf({ kind })),
      'delegation.not_healed': ({ why }) => notHealed.add(1, attributesOf({ why })),
      'prune.completed': ({ interrupted, ...counts }) => {
        prunes.add(1, attributesOf({ outcome: interrupted ? 'interrupted' : 'completed' }));
        removed(counts);
      },
      'prune.failed': ({ err, ...counts }) => {
        prunes.add(1, attributesOf({ outcome: 'failed' }));
        removed(counts);
        failed({ err });
      },
      'database.unavailable': failed,
      'database.refused': failed,
      'pgboss.error': failed,
    };
  }

  emit<E extends EventName>(event: E, fields: EventFields<E>): void {
    const handle = this.#handlers[event] as ((fields: EventFields<E>) => void) | undefined;
    handle?.(fields);
  }

  /** One attempt to deliver to the webhook. No event has those that were delivered. */
  posted(outcome: 'delivered' | 'failed' | 'dead', tookMs: number): void {
    this.#posts.add(1, attributesOf({ outcome }));
    this.#postDuration.record(tookMs / MS_PER_SECOND);
  }

  /** The latencies of a committed batch, from matching the rule to the mark. No event has them. */
  marked(rule: 'stale' | 'stalled' | 'overdue', latenciesMs: readonly number[]): void {
    const attributes = attributesOf({ rule });
    for (const latencyMs of latenciesMs) this.#latency.record(latencyMs / MS_PER_SECOND, attributes);
  }
}

function counter(meter: OurMeter, name: NameOf<'counter'>): Counter {
  const { help, ...rest }: Instrument = instruments[name];
  const made = meter.createCounter(PREFIX + name, { description: help, ...(rest.unit && { unit: rest.unit }) });
  // Starts at zero, so that a rate counts the first increment.
  for (const labels of combinations(name)) made.add(0, attributesOf(labels));
  return made;
}

function histogram(meter: OurMeter, name: NameOf<'histogram'>): Histogram {
  const { help, unit, buckets } = instruments[name];
  return meter.createHistogram(PREFIX + name, {
    description: help,
    unit,
    advice: { explicitBucketBoundaries: [...buckets] },
  });
}

/** Every combination of an instrument's label values. */
function combinations(name: InstrumentName): Record<string, string>[] {
  const { labels = {} }: Instrument = instruments[name];
  return Object.entries(labels).reduce<Record<string, string>[]>(
    (sets, [label, values]) => sets.flatMap((set) => (values ?? []).map((value) => ({ ...set, [label]: value }))),
    [{}],
  );
}
