import type { EventLog } from '../../log/event-log.ts';
import { logUnpublished } from '../publishing/refused.ts';
import { holdFigures } from './storm-news.ts';
import type { StormQuestion, StormReading } from './storm-reading.ts';

/** Logs a hold at every sweep that it affects, with the numbers, and its end with the reason; and what was not published. */
export function logStorm(
  log: EventLog,
  question: StormQuestion & { readonly sweepId: string },
  reading: StormReading,
  maxHoldMs: number,
): void {
  const { sweepId } = question;
  const { action, stale, inFlight, released, unpublished } = reading;
  const figures = holdFigures(question, reading, maxHoldMs);
  const who = { by: 'storm', reason: null } as const;
  if (action === 'hold') log.emit('sweep.held', { sweepId, stale, inFlight, ...figures, ...who });
  if (released) {
    log.emit('sweep.released', { sweepId, why: released, heldForMs: figures.heldForMs, stale, inFlight, ...who });
  }
  if (unpublished !== null) logUnpublished(log, sweepId, unpublished);
}
