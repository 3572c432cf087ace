import { type Gap, observedUsSince } from '../horizon.ts';
import type { Micros } from '../instant.ts';

/** What a delegation's row says. */
export interface Sight {
  readonly status: string;
  readonly stampUs: Micros | null;
  readonly waitingSinceUs: Micros | null;
  readonly waitingUntilUs: Micros | null;
  readonly finishedUs: Micros | null;
}

/** A delegation that is followed from its entry to in_progress to its end. JSON: a daemon that stops hands it on. */
export interface Followed {
  readonly delegationId: string;
  readonly calleeId: string;
  /** Its own threshold; null: it has none. */
  readonly ownMs: number | null;
  readonly enteredUs: Micros;
  /** Its last_heartbeat when it was last read. */
  readonly stampUs: Micros;
  /** Since when its silence counts: its last sign of life, or the end of its wait. */
  readonly heardUs: Micros;
  readonly waitingSinceUs: Micros | null;
  readonly longestUs: number;
}

/** When it was read, and when the last time before; unobserved time is nobody's silence. */
export interface Reading {
  readonly nowUs: Micros;
  readonly readUs: Micros;
  readonly gaps: readonly Gap[];
  /** It was not read for so long that several signs of life may have come in between. */
  readonly isInterrupted: boolean;
}

export interface Step {
  readonly followed: Followed;
  /** Times between two signs of life that have become known, in microseconds of observed time. */
  readonly gapsUs: readonly number[];
}

/**
 * What a sight of a followed delegation adds. Signs of life are its heartbeats, the beginning of a wait, and its
 * completion. `failed` and `stuck` are none: an orchestrator may have given a dead agent up. A wait is no silence, and
 * when it passes without a resume, silence counts from its end.
 *
 * Of several signs of life between two readings the last one is seen: a gap is too long by the time between two readings
 * at most. After an interruption only the silence that is certain counts.
 */
export function afterSight(followed: Followed, sight: Sight, { readUs, gaps, isInterrupted }: Reading): Step {
  const stampUs = sight.stampUs ?? followed.stampUs;
  const hasBegunToWait = sight.waitingSinceUs !== null && sight.waitingSinceUs !== followed.waitingSinceUs;
  const signs = [
    stampUs,
    ...(hasBegunToWait ? [sight.waitingSinceUs] : []),
    ...(sight.status === 'completed' && sight.finishedUs !== null ? [sight.finishedUs] : []),
  ].sort((a, b) => a - b);
  const gapsUs: number[] = [];
  let fromUs = followed.heardUs;
  for (const signUs of signs) {
    if (signUs <= fromUs) continue;
    gapsUs.push(Math.max(0, observedUsSince(fromUs, signUs, gaps)));
    fromUs = signUs;
  }
  const certainUs = readUs > followed.heardUs ? Math.max(0, observedUsSince(followed.heardUs, readUs, gaps)) : 0;
  const longestUs = Math.max(followed.longestUs, ...(isInterrupted && gapsUs.length > 0 ? [certainUs] : gapsUs));
  return {
    followed: {
      ...followed,
      stampUs,
      waitingSinceUs: sight.waitingSinceUs,
      heardUs: Math.max(stampUs, sight.waitingUntilUs ?? stampUs),
      longestUs,
    },
    gapsUs: isInterrupted ? [] : gapsUs,
  };
}
