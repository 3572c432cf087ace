import { type Cron, nextOccurrence, pastOccurrence } from './cron.ts';
import type { Punctuality } from './status.ts';

/** Occurrences that may pass without a successful sweep. */
const OCCURRENCES_MAX = 3;

/** Pure: whether sweeps happen in time. */
export function punctualityOf(cron: Cron, now: Date, sweptAt: Date | null): Punctuality {
  return { now, sweptAt, nextAt: nextOccurrence(cron, now), dueSince: pastOccurrence(cron, now, OCCURRENCES_MAX) };
}

/** The last successful sweep is recent enough. */
export function isPunctual({ sweptAt, dueSince }: Pick<Punctuality, 'sweptAt' | 'dueSince'>): boolean {
  return sweptAt !== null && sweptAt >= dueSince;
}
