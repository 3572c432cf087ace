import type { StreamResponse } from '@a2a-js/sdk';
import { Doubles } from './doubles.ts';
import type { Reconnection, Stream, StreamEnd } from './reconnection.ts';
import type { SeenTask } from './seen-task.ts';

export interface Arrival {
  readonly event: StreamResponse;
  /** It shows how the task is, and says nothing about when it came to be so: what opens a subscription, or a poll. */
  readonly isSnapshot: boolean;
}

/**
 * The events of a stream and, where it breaks before its task is at rest, those of the subscriptions and polls that take
 * its place, without what was seen already. Where nothing takes its place, it ends as it broke. The reader takes each
 * event into `seen` before it asks for the next one.
 */
export async function* continuedStream(
  first: { readonly stream: Stream; readonly isSubscription: boolean },
  seen: SeenTask,
  reconnection: Reconnection,
): AsyncGenerator<Arrival, void, undefined> {
  let { stream, isSubscription } = first;
  let doubles: Doubles | undefined;
  let broke: StreamEnd | undefined;
  let events = 0;
  try {
    while (true) {
      const step = await nextStep(stream);
      if ('event' in step) {
        events += 1;
        const { event } = step;
        if (doubles?.has(event)) continue;
        yield { event, isSnapshot: isSubscription && events === 1 && event?.payload?.$case === 'task' };
        if (doubles === undefined) continue;
        broke = undefined;
        reconnection.hasNews();
        // A subscription stays open when an agent asks for input; the stream that it stands for would have ended.
        if (seen.isAtEnd) return;
        continue;
      }
      broke ??= step;
      const isBroken = seen.id !== '' && !(step.failed ? seen.isAtEnd : seen.isAtRest);
      const next = isBroken ? await reconnection.next({ ...step, events }, broke) : undefined;
      if (next === undefined) return rethrow(broke);
      stream = next;
      isSubscription = true;
      doubles = new Doubles(seen);
      events = 0;
    }
  } finally {
    await stream.return();
  }
}

async function nextStep(stream: Stream): Promise<{ readonly event: StreamResponse } | StreamEnd> {
  try {
    const { done, value } = await stream.next();
    return done ? { failed: false } : { event: value };
  } catch (error) {
    return { failed: true, error };
  }
}

function rethrow(end: StreamEnd): void {
  if (end.failed) throw end.error;
}
