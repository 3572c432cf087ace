import { observedUsSince } from '../horizon.ts';
import { wholeMs } from '../instant.ts';
import type { HoldNews } from '../publishing/hold-publication.ts';
import type { StormState } from './storm-guard.ts';
import type { StormQuestion, StormReading } from './storm-reading.ts';

/** A hold as events and log lines tell of it. */
export function holdFigures(
  { judgement, recalled }: Pick<StormQuestion, 'judgement' | 'recalled'>,
  { silent, inFlight, callees }: Pick<StormReading, 'silent' | 'inFlight' | 'callees'>,
  maxHoldMs: number,
) {
  const { nowUs, gaps } = judgement;
  const heldForMs = wholeMs(observedUsSince(recalled.state.heldSinceUs ?? nowUs, nowUs, gaps));
  return {
    ratio: inFlight === 0 ? 0 : Math.min(1, silent / inFlight),
    callees: [...callees],
    heldForMs,
    releasesInMs: Math.max(0, maxHoldMs - heldForMs),
  };
}

const isHolding = ({ heldSinceUs, releasedAtUs }: StormState) => heldSinceUs !== null && releasedAtUs === null;

/** The event where this reading begins or ends the storm guard's hold; null: it does neither. */
export function stormNews(question: StormQuestion, reading: StormReading, maxHoldMs: number): HoldNews | null {
  const [wasHolding, holds] = [isHolding(question.recalled.state), isHolding(reading.state)];
  if (wasHolding === holds) return null;
  const { stale, inFlight, released } = reading;
  const { heldForMs, ...figures } = holdFigures(question, reading, maxHoldMs);
  // Where nothing was counted, the counts are 0.
  const counts = inFlight > 0 && { stale, inFlight };
  const about = { by: 'storm', sweepId: question.sweepId!, ...counts, heldForMs } as const;
  if (holds) return { type: 'sweep.held.v1', data: { ...about, ...figures } };
  const why = released === 'calm' || released === 'max_hold' ? released : 'off';
  return { type: 'sweep.released.v1', data: { ...about, why } };
}

/** The same of a hold that begins because nothing could be counted. */
export function blindHoldNews(sweepId: string, maxHoldMs: number): HoldNews {
  return { type: 'sweep.held.v1', data: { by: 'storm', sweepId, heldForMs: 0, releasesInMs: maxHoldMs } };
}
