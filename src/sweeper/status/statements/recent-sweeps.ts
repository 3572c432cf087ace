import type { SweeperTables } from '../../tables.ts';

/** Records examined, newest first: those of a day at a tick a minute, two in five minutes for what came due, and manual ones. */
const SWEEPS_MAX = 3000;

/** SQL: the sweeps of the last day, for a FROM. */
export function recentSweeps({ sweeps }: SweeperTables): string {
  return `(SELECT * FROM ${sweeps} WHERE started_at >= clock_timestamp() - interval '1 day'
  ORDER BY started_at DESC LIMIT ${SWEEPS_MAX})`;
}
