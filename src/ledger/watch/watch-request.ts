import { type ActivityEvent, activityEvents } from '../activity.ts';
import { assertDurationMs, assertId, assertIds } from '../arguments.ts';
import { InvalidArgumentError } from '../errors.ts';
import { TIMER_MAX_MS } from '../limits.ts';
import { watchedByDefault } from './change.ts';
import type { StreamPlace } from './stream-place.ts';
import { watchPlaceOf } from './watch-cursor.ts';

/** Delegations by their ids, at most 10000; or all that this caller has, or will have. */
export type WatchTarget = readonly string[] | { readonly callerId: string };

export interface WatchOptions {
  /** Milliseconds between two looks, a tenth more or less: from 100. Default 1000. */
  readonly everyMs?: number | undefined;
  /** Ends the iteration: it throws the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /** With a callerId: the `cursor` of an earlier watch, which this one goes on from. Default: what happens from now on. */
  readonly after?: string | null | undefined;
  /** Which activities to yield. Default: completed, failed, stuck, late_result, waiting and resumed. */
  readonly events?: readonly ActivityEvent[] | undefined;
}

export interface WatchRequest {
  readonly target: { readonly ids: readonly string[] } | { readonly callerId: string };
  readonly everyMs: number;
  readonly signal: AbortSignal | undefined;
  readonly after: StreamPlace | null;
  readonly events: ReadonlySet<ActivityEvent>;
}

const EVERY_DEFAULT_MS = 1_000;
const EVERY_MIN_MS = 100;

/** @throws InvalidArgumentError */
export function watchRequestOf(target: WatchTarget, options: WatchOptions): WatchRequest {
  if (typeof options !== 'object' || options === null) throw new InvalidArgumentError('options', 'must be an object');
  const { everyMs = EVERY_DEFAULT_MS, signal, after = null, events = watchedByDefault } = options;
  const watched = targetOf(target);
  assertDurationMs('everyMs', everyMs, TIMER_MAX_MS);
  if (everyMs < EVERY_MIN_MS) throw new InvalidArgumentError('everyMs', `must be at least ${EVERY_MIN_MS}`);
  assertSignal(signal);
  if (after !== null && 'ids' in watched) {
    throw new InvalidArgumentError('after', 'goes with { callerId } only: of ids, a watch begins with how each stands');
  }
  return {
    target: watched,
    everyMs,
    signal,
    after: after === null ? null : watchPlaceOf('after', after),
    events: eventsOf(events),
  };
}

function targetOf(target: unknown): WatchRequest['target'] {
  if (Array.isArray(target)) {
    assertIds('ids', target);
    return { ids: [...new Set(target)] };
  }
  if (typeof target !== 'object' || target === null || !('callerId' in target)) {
    throw new InvalidArgumentError('ids', 'must be an array of ids, or an object with a callerId');
  }
  assertId('callerId', target.callerId);
  return { callerId: target.callerId };
}

/** Not instanceof: a signal may come from another realm. */
function assertSignal(signal: unknown): asserts signal is AbortSignal | undefined {
  if (signal === undefined) return;
  const { aborted, addEventListener } = (signal ?? {}) as Partial<AbortSignal>;
  if (typeof aborted === 'boolean' && typeof addEventListener === 'function') return;
  throw new InvalidArgumentError('signal', 'must be an AbortSignal');
}

function eventsOf(events: unknown): ReadonlySet<ActivityEvent> {
  const known: readonly unknown[] = activityEvents;
  if (Array.isArray(events) && events.length > 0 && events.every((event) => known.includes(event))) {
    return new Set(events);
  }
  throw new InvalidArgumentError('events', `must be an array of one or more of ${activityEvents.join(', ')}`);
}
