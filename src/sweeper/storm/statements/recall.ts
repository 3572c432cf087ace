import { column, nullable, statement } from '../../../db/statement.ts';
import { isInProgress } from '../../in-progress.ts';
import { isNotWaiting, silentAt } from '../../pass/due-at.ts';
import { isNotOverdue, ruleParameters } from '../../pass/rules.ts';
import type { SweeperTables } from '../../tables.ts';
import { releaseReasons } from '../storm-guard.ts';
import { inPlainOrder, inSuspectOrder } from './countable.ts';

/**
 * What earlier sweeps kept of a storm, and how many of the rows that the last one watched are still silent. No $now: what
 * was not overdue then counts until it is marked.
 */
export function recallStatement({ sweeperState, delegations }: SweeperTables) {
  const micros = (name: string) => nullable(column.micros(`s.${name}`));
  return statement({
    parameters: { staleness: ruleParameters.staleness },
    columns: {
      formingSinceUs: micros('storm_forming_since'),
      heldSinceUs: micros('storm_held_since'),
      releasedAtUs: micros('storm_released_at'),
      releasedWhy: nullable(column.oneOf(releaseReasons, 's.storm_released_why')),
      partialSinceUs: micros('storm_partial_since'),
      cameBackSoFar: column.wholeNumber('s.storm_came_back'),
      cameBackAtUs: micros('storm_came_back_at'),
      watched: column.wholeNumber('s.storm_watched'),
      stillSilent: column.wholeNumber(`(SELECT count(*) FROM (
     SELECT FROM ${delegations} d
     WHERE ${isInProgress} AND d.heartbeat_bucket <= s.storm_watched_before
       AND d.last_heartbeat < s.storm_watched_before AND ${isNotOverdue('s.storm_watched_at')}
       AND d.suspect_at IS NULL
     ${inPlainOrder} LIMIT s.storm_watched) silent)
    + (SELECT count(*) FROM (
     SELECT FROM ${delegations} d
     WHERE ${isInProgress} AND d.suspect_at < s.storm_watched_at AND ${isNotWaiting('s.storm_watched_at')}
       AND ${silentAt('s.storm_watched_at')} < s.storm_watched_at AND ${isNotOverdue('s.storm_watched_at')}
     ${inSuspectOrder} LIMIT s.storm_watched) silent)`),
    },
    sql: (columns) => `SELECT ${columns} FROM ${sweeperState} s WHERE singleton`,
  });
}
