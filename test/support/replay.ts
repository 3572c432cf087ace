import { expect } from '@jest/globals';
import type { Queryable } from './wait-for.ts';

/** Where a delegation's activity and its row disagree: [] when every row follows from its activity. */
export function unreplayable(database: Queryable): Promise<unknown[]> {
  return database.query(`
    WITH steps AS (
      SELECT delegation_id, activity_id, from_status, to_status,
        lag(to_status) OVER stream AS before, row_number() OVER stream = 1 AS first,
        row_number() OVER (PARTITION BY delegation_id ORDER BY activity_id DESC) = 1 AS last
      FROM activity_logs WHERE to_status IS NOT NULL
      WINDOW stream AS (PARTITION BY delegation_id ORDER BY activity_id))
    SELECT delegation_id, 'a step does not start where the one before ended' AS problem, from_status, before AS expected
    FROM steps WHERE NOT first AND from_status IS DISTINCT FROM before
    UNION ALL
    SELECT d.delegation_id, 'the row differs from its activity', d.status, steps.to_status
    FROM delegations d LEFT JOIN steps ON steps.delegation_id = d.delegation_id AND steps.last
    WHERE d.status IS DISTINCT FROM steps.to_status`);
}

/** Every delegation's activity, replayed in order, gives its row's status. */
export async function expectReplayed(database: Queryable): Promise<void> {
  expect(await unreplayable(database)).toEqual([]);
}
