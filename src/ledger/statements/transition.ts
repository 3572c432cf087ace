import { isOneOf, literal } from '../../db/literal.ts';
import type { LedgerTables } from '../tables.ts';
import { type Status, sourcesOf } from '../transitions.ts';

export interface Transition {
  /** A terminal status. */
  readonly to: Status;
  /** Further columns to set, each a SQL expression over `d` (the row) and `p` (what was picked). */
  readonly set: Readonly<Record<string, string>>;
  /** SQL expressions over `m`, the moved row: its columns, and `from_status`. */
  readonly actor: string;
  readonly detail: string;
  /** What `moved` returns beside delegation_id and from_status: SQL expressions over `d` and `p`. */
  readonly returning: readonly string[];
}

/**
 * The guarded end of many delegations at once, as the two CTEs `moved` and `recorded`, the activities; the library's transition, of one
 * row, is delegation_set_status.
 * It expects a CTE `picked` before it, with each row's ctid as `place`, its delegation_id and its status, **locked**: the
 * status judged is then the newest, the row stays where it is, and no predicate of the pick has to be repeated here (with
 * stale statistics that costs seconds).
 *
 * The activity's id is drawn after the row was locked, so ids have the order of the transitions. In the model: mark_commit, move_row.
 */
export function transitionCtes({ delegations, activityLogs }: LedgerTables, transition: Transition): string {
  const { to, actor, detail, returning } = transition;
  const set = {
    status: literal(to),
    updated_at: 'clock_timestamp()',
    finished_at: 'clock_timestamp()',
    // The database adds the activity of a transition by a writer that counts none.
    revision: 'd.revision + 1',
    ...transition.set,
  };
  const assignments = Object.entries(set).map(([column, expression]) => `${column} = ${expression}`);
  return `
moved AS (
  UPDATE ${delegations} d SET ${assignments.join(', ')}
  FROM picked p
  WHERE d.ctid = p.place AND ${isOneOf('p.status', sourcesOf(to))}
  RETURNING ${['d.delegation_id', 'p.status AS from_status', ...returning].join(', ')}),
recorded AS (
  INSERT INTO ${activityLogs} (delegation_id, event, from_status, to_status, actor, detail)
  SELECT m.delegation_id, ${literal(`delegation.${to}`)}, m.from_status, ${literal(to)}, ${actor}, ${detail}
  FROM moved m
  RETURNING activity_id, delegation_id, created_at, detail)`;
}
