import type { Gap } from '../horizon.ts';
import { MICROS_PER_MS, type Micros } from '../instant.ts';
import { judge, type Observed, type Staleness, type ThresholdOptions } from '../threshold/staleness.ts';

/**
 * When a row comes due that is not heard again: the instant at which the horizon passes `heardUs`, strictly before which
 * it is not stale. The inverse of horizonOf(), with the gaps that are known now; a later one only puts it off.
 */
export function dueAtUs(heardUs: Micros, stuckAfterMs: number, gaps: readonly Gap[]): Micros {
  let dueUs = heardUs + stuckAfterMs * MICROS_PER_MS;
  for (const { startUs, endUs, kind } of gaps.toSorted((a, b) => a.startUs - b.startUs)) {
    if (endUs <= heardUs) continue;
    if (startUs >= dueUs) break;
    // A row heard inside a gap counts from its end; one heard before the database was rewound has its whole threshold again.
    const isAnew = kind === 'rewound' || startUs < heardUs;
    dueUs = isAnew ? endUs + stuckAfterMs * MICROS_PER_MS : dueUs + (endUs - startUs);
  }
  return dueUs;
}

/** What was stale and overdue at an earlier instant, by what is known now. The threshold and its lowerings are the current ones. */
export function stalenessAt(atUs: Micros, observed: Observed, options: ThresholdOptions): Staleness {
  const gaps = observed.gaps
    .filter(({ startUs }) => startUs < atUs)
    .map((gap) => ({ ...gap, endUs: Math.min(gap.endUs, atUs) }));
  return judge({ ...observed, nowUs: atUs, beatAtUs: atUs, gaps }, options).staleness;
}
