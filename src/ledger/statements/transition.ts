import { isOneOf, literal } from '../../db/literal.ts';
import type { LedgerTables } from '../tables.ts';
import { isTerminal, type Status, sourcesOf } from '../transitions.ts';

export interface Transition {
  readonly to: Status;
  /** Further columns to set, each a SQL expression over `d` (the row) and `p` (what was picked). */
  readonly set?: Readonly<Record<string, string>>;
  /** SQL expressions over `m`, the moved row: its columns, and `fromStatus`. */
  readonly actor: string;
  readonly detail: string;
  readonly responseBody?: string;
  /** How a picked row is found again: by its key, or, where `picked` has a `place`, by its ctid under the lock. */
  readonly by?: 'key' | 'place';
  /** What `moved` returns beside delegation_id and from_status: SQL expressions over `d` and `p`. */
  readonly returning?: readonly string[];
}

/**
 * The guarded transition, as the two CTEs `moved` and `recorded`: which the sweep uses for many rows at once; the
 * library's, for one row, is delegation_set_status.
 * It expects a CTE `picked` before it, with each row's delegation_id and status, **locked**: the status judged is then
 * the newest, and no predicate of the pick has to be repeated here (with stale statistics that costs seconds).
 *
 * The activity's id is drawn after the row was locked, so ids have the order of the transitions.
 */
export function transitionCtes({ delegations, activityLogs }: LedgerTables, transition: Transition): string {
  const { to, actor, detail, responseBody = 'NULL::jsonb', by = 'key', returning = [] } = transition;
  const set = {
    status: literal(to),
    updated_at: 'clock_timestamp()',
    // The database adds the activity of a transition by a writer that counts none.
    revision: 'd.revision + 1',
    // Stamped on entry, so that an agent that dies before its first heartbeat is still found.
    ...(to === 'in_progress' && { last_heartbeat: 'greatest(d.last_heartbeat, clock_timestamp())' }),
    ...(isTerminal(to) && { finished_at: 'clock_timestamp()' }),
    ...transition.set,
  };
  const assignments = Object.entries(set).map(([column, expression]) => `${column} = ${expression}`);
  return `
moved AS (
  UPDATE ${delegations} d SET ${assignments.join(', ')}
  FROM picked p
  WHERE ${by === 'key' ? 'd.delegation_id = p.delegation_id' : 'd.ctid = p.place'} AND ${isOneOf('p.status', sourcesOf(to))}
  RETURNING ${['d.delegation_id', 'p.status AS from_status', ...returning].join(', ')}),
recorded AS (
  INSERT INTO ${activityLogs} (delegation_id, event, from_status, to_status, actor, detail, response_body)
  SELECT m.delegation_id, ${literal(`delegation.${to}`)}, m.from_status, ${literal(to)}, ${actor}, ${detail}, ${responseBody}
  FROM moved m)`;
}
