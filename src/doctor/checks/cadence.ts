import { duration } from '../../log/duration.ts';
import { readInForce } from '../../sweeper/threshold/in-force.ts';
import { check, type Seen } from '../check.ts';
import { cadenceStatement } from '../statements/cadence.ts';

/** Beats that should fit into a threshold: one may be late, and one may be lost. */
const BEATS_MIN = 3;
/** With fewer delegations a median says nothing. */
const ROWS_MIN = 20;

export interface CadenceReading {
  /** Delegations with thresholds of their own, or the others. */
  readonly own: boolean;
  readonly rows: number;
  readonly medianAgeMs: number | null;
  readonly medianPermille: number | null;
  readonly medianAllowedMs: number | null;
}

export const cadence = check({
  name: 'cadence',
  about: `The cadence of the heartbeats against the threshold, STUCK_AFTER or a delegation's own. At a steady cadence a stamp is half of it old, in the median. Judged from ${ROWS_MIN} delegations on.`,
  faults: {
    implausible: {
      severity: 'advice',
      when: `Fewer than ${BEATS_MIN} heartbeats fit into the threshold at the cadence that is seen: one that is late makes a living agent stuck`,
      remedy:
        'Let agents send heartbeats more often (`ledger.keepAlive`, or every tenth of the `stuckAfterMs` in the answer), or raise the threshold: STUCK_AFTER, or `ledger.adjust` for one delegation.',
    },
  },
  async read(subject) {
    const stuckAfterMs = (await readInForce(subject.db)) ?? subject.options.stuckAfterMs;
    return subject.rows((db) => cadenceStatement(subject.tables).run(db, { stuckAfterMs }));
  },
  judge: judgeCadence,
});

/** Pure. */
export function judgeCadence(readings: readonly CadenceReading[]): Seen<'implausible'>[] {
  return readings.flatMap(({ own, rows, medianAgeMs, medianPermille, medianAllowedMs }): Seen<'implausible'>[] => {
    const whose = own ? 'delegations with thresholds of their own' : 'delegations';
    if (rows < ROWS_MIN || medianAgeMs === null || medianPermille === null) {
      return [{ note: `${rows} ${whose} with heartbeats: too few to judge the cadence` }];
    }
    const beats = 1000 / (2 * Math.max(1, medianPermille));
    const figures = `${rows} ${whose}: a stamp is ${duration(medianAgeMs)} old in the median, so a heartbeat comes about every ${duration(2 * medianAgeMs)}; the threshold is ${duration(medianAllowedMs ?? 0)}`;
    if (beats >= BEATS_MIN) return [{ note: figures }];
    const what = `Only about ${beats.toFixed(1)} heartbeats fit into the threshold of ${whose}`;
    return [{ fault: 'implausible', what, how: figures }];
  });
}
