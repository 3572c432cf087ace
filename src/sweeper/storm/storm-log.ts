import type { EventLog } from '../../log/event-log.ts';
import { observedUsSince } from '../horizon.ts';
import { wholeMs } from '../instant.ts';
import type { StormQuestion, StormReading } from './storm-watch.ts';

/** Logs a hold at every sweep that it affects, with the numbers, and its end with the reason. */
export function logStorm(
  log: EventLog,
  { sweepId, judgement, recalled }: StormQuestion & { readonly sweepId: string },
  { action, stale, silent, inFlight, callees, released }: StormReading,
  maxHoldMs: number,
): void {
  const { nowUs, gaps } = judgement;
  const heldForMs = wholeMs(observedUsSince(recalled.state.heldSinceUs ?? nowUs, nowUs, gaps));
  if (action === 'hold') {
    log.emit('sweep.held', {
      sweepId,
      stale,
      inFlight,
      ratio: inFlight === 0 ? 0 : Math.min(1, silent / inFlight),
      callees: [...callees],
      heldForMs,
      releasesInMs: Math.max(0, maxHoldMs - heldForMs),
      by: 'storm',
      reason: null,
    });
  }
  if (released)
    log.emit('sweep.released', { sweepId, why: released, heldForMs, stale, inFlight, by: 'storm', reason: null });
}
