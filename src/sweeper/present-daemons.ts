/** After so many of its own beat intervals without a beat, a daemon no longer counts as running. */
const INTERVALS_UNTIL_GONE = 6;

/** SQL: the daemon `d` has left a beat lately. */
export function isPresent(nowSql: string): string {
  return `d.beat_at > ${nowSql} - least(10000, d.stuck_after_ms / 10.0) * ${INTERVALS_UNTIL_GONE} * interval '1 millisecond'`;
}
