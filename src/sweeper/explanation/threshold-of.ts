import { isoOf } from '../instant.ts';
import type { Judgement } from '../threshold/staleness.ts';
import type { JudgedRow } from './statements/judged-row.ts';
import type { Threshold } from './verdict.ts';

/**
 * Pure: where the threshold comes from by which a delegation in progress is judged; the sweep's own SQL has said which it is.
 * `isUntold`: no daemon has stored one yet.
 */
export function thresholdOf(row: JudgedRow, { staleness }: Judgement, isUntold: boolean): Threshold | null {
  const { thresholdMs: ms, stuckAfterMs: ownMs, ownLoweredFromMs, ownLoweredAtUs } = row;
  if (ms === null) return null;
  const toMs = ownMs ?? staleness.stuckAfterMs;
  if (ms <= toMs) {
    return { ms, source: ownMs !== null ? 'own' : isUntold ? 'configuration' : 'stuck_after', lowered: null };
  }
  if (ms === ownLoweredFromMs && ownLoweredAtUs !== null) {
    return { ms, source: 'own_lowered', lowered: { at: isoOf(ownLoweredAtUs), toMs } };
  }
  const lowering = staleness.lowerings.findLast(({ stuckAfterMs }) => stuckAfterMs === ms);
  const lowered = lowering === undefined ? null : { at: isoOf(lowering.loweredAtUs), toMs };
  return { ms, source: 'stuck_after_lowered', lowered };
}
