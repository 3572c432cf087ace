import { column, parameter, statement } from '../../db/statement.ts';
import type { PgBossTables } from '../../jobs/pgboss-tables.ts';

/** The dead letters with one of these events, by the id of the post or of an event in it. */
export function deadOfStatement({ job }: PgBossTables) {
  return statement({
    parameters: { dead: parameter.text, eventIds: parameter.texts },
    columns: { jobId: column.text('d.id::text'), eventId: column.text('d.event_id') },
    sql: (columns) => `SELECT ${columns} FROM (
  SELECT j.id, e.event_id FROM ${job} j CROSS JOIN LATERAL (
    SELECT coalesce(j.data->>'id', j.id::text) AS event_id
    UNION SELECT o.event->>'id' FROM jsonb_array_elements(
      CASE jsonb_typeof(j.data->'events') WHEN 'array' THEN j.data->'events' ELSE '[]' END) o (event)) e
  WHERE j.name = $dead AND j.state < 'active' AND NOT j.blocked AND e.event_id = ANY ($eventIds)) d`,
  });
}
