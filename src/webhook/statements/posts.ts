import { column, nullable, parameter, statement } from '../../db/statement.ts';
import type { PgBossTables } from '../../jobs/pgboss-tables.ts';

/** SQL: the text that says why the last attempt failed; of a daemon that was killed it is pg-boss's own. */
const reasonOf = (output: string) => `coalesce(${output}->>'reason', ${output}->'value'->>'message')`;

/** Posts that are not delivered: dead letters, the latest first, then what waits, the oldest first. */
export function postsStatement({ job }: PgBossTables) {
  return statement({
    parameters: { queues: parameter.texts, dead: parameter.text, rowsMax: parameter.wholeNumber },
    columns: {
      eventId: column.text(`coalesce(p.data->>'id', p.id::text)`),
      state: column.oneOf(['dead', 'waiting'], `CASE WHEN p.name = $dead THEN 'dead' ELSE 'waiting' END`),
      type: nullable(column.text(`coalesce(p.data->>'type', p.data->'events'->0->>'type')`)),
      delegationId: nullable(column.text(`coalesce(p.data->>'subject', p.data->'events'->0->>'subject')`)),
      events: column.wholeNumber(
        `CASE jsonb_typeof(p.data->'events') WHEN 'array' THEN jsonb_array_length(p.data->'events') ELSE 1 END`,
      ),
      attempts: column.wholeNumber(`CASE WHEN p.name = $dead THEN coalesce(p.source_retry_count, 0) + 1
    WHEN p.state = 'retry' THEN p.retry_count + 1 ELSE p.retry_count END`),
      reason: nullable(
        column.text(`CASE WHEN p.name = $dead THEN ${reasonOf('p.source_output')} ELSE ${reasonOf('p.output')} END`),
      ),
      since: column.instant(`coalesce(p.source_created_on, p.created_on)`),
      /** Null: it is a dead letter. */
      nextAttemptAt: nullable(column.instant(`CASE WHEN p.name <> $dead THEN p.start_after END`)),
    },
    sql: (columns) => `WITH posts AS (
  (SELECT j.* FROM ${job} j WHERE j.name = $dead AND j.state < 'active' AND NOT j.blocked ORDER BY j.created_on DESC LIMIT $rowsMax)
  UNION ALL
  (SELECT j.* FROM ${job} j WHERE j.name = ANY ($queues) AND j.state < 'active' AND NOT j.blocked ORDER BY j.created_on LIMIT $rowsMax))
SELECT ${columns} FROM posts p
ORDER BY p.name = $dead DESC, CASE WHEN p.name = $dead THEN p.created_on END DESC, p.created_on LIMIT $rowsMax`,
  });
}
