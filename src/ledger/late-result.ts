/**
 * SQL: a result of the delegation came late. `||` and OFFSET keep the planner to the activity of this one delegation: with
 * outdated statistics it would read all late results, by an index that has them alone.
 */
export function hasLateResult(activityLogs: string, id: string): string {
  return `EXISTS (SELECT FROM ${activityLogs} l
    WHERE l.delegation_id = ${id} AND l.event || '' = 'delegation.late_result' OFFSET 0)`;
}
