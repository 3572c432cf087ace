import { statement } from '../../../db/statement.ts';
import type { SweeperTables } from '../../tables.ts';

/** What the storm guard remembers of past sweeps. One that lies ahead would keep a hold from ending. */
const stormInstants = [
  'storm_forming_since',
  'storm_held_since',
  'storm_released_at',
  'storm_partial_since',
  'storm_came_back_at',
  'storm_watched_before',
  'storm_watched_at',
];

/**
 * Sets the sweeper's own instants that lie ahead of the clock back to it. A gap or lowering that has begun ends now; a gap
 * keeps its kind, since a jump that was set back in part still moves deadlines. Of several lowerings that lie ahead, the
 * longest threshold stays. Rows of other daemons stay as they are: each daemon compares its own with what it remembers. An
 * operator's hold has as long again as it was made for. The clock is read under the lock that beats take: what a daemon
 * recorded after it had been set forward again does not lie ahead.
 */
export function futureStateStatement({ gaps, lowerings, holds, sweeperState }: SweeperTables) {
  const now = '(SELECT now FROM clock)';
  const atMostNow = stormInstants.map((name) => `${name} = CASE WHEN ${name} > ${now} THEN ${now} ELSE ${name} END`);
  return statement({
    sql: `
WITH locked AS MATERIALIZED (SELECT FROM ${sweeperState} WHERE singleton FOR UPDATE),
clock AS MATERIALIZED (SELECT clock_timestamp() AS now FROM locked),
gaps AS (DELETE FROM ${gaps} WHERE gap_end > ${now} RETURNING gap_start, kind),
cut AS (
  INSERT INTO ${gaps} (gap_start, gap_end, kind)
  SELECT min(gap_start), ${now}, CASE WHEN bool_or(kind = 'rewound') THEN 'rewound'
    WHEN bool_or(kind = 'clock_jump') THEN 'clock_jump' ELSE 'unwatched' END
  FROM gaps WHERE gap_start < ${now} HAVING count(*) > 0 ON CONFLICT DO NOTHING),
lowerings AS (DELETE FROM ${lowerings} WHERE lowered_at > ${now} RETURNING stuck_after_ms),
held AS (
  UPDATE ${holds} h SET made_at = least(made_at, ${now}), held_since = least(held_since, ${now}),
    held_until = CASE WHEN made_at > ${now} THEN ${now} + (held_until - made_at) ELSE held_until END,
    ended_at = CASE WHEN ended_at > ${now} THEN ${now} ELSE ended_at END
  WHERE h.made_at > ${now} OR h.ended_at > ${now}),
lowered AS (
  INSERT INTO ${lowerings} (lowered_at, stuck_after_ms)
  SELECT ${now}, max(stuck_after_ms) FROM lowerings HAVING count(*) > 0 ON CONFLICT DO NOTHING)
UPDATE ${sweeperState} SET ${atMostNow.join(', ')}
WHERE singleton AND (${stormInstants.map((name) => `${name} > ${now}`).join(' OR ')})`,
  });
}
