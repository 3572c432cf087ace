import { column, nullable, parameter, statement } from '../../db/statement.ts';
import type { PgBossTables } from '../../jobs/pgboss-tables.ts';

/** What is counted is counted to this. */
export const COUNTED_MAX = 10_000;

/** SQL: jobs of these queues that were not taken yet, or wait for their next attempt. In the words of an index. */
const waiting = `j.name = ANY ($queues) AND j.state < 'active' AND NOT j.blocked`;

/** What waits to be posted and what became a dead letter, at one instant. All of it from indexes of pg-boss. */
export function undeliveredStatement({ job, now }: PgBossTables) {
  const counted = (condition: string) =>
    column.wholeNumber(`(SELECT count(*) FROM (SELECT FROM ${job} j WHERE ${condition} LIMIT ${COUNTED_MAX}) counted)`);
  return statement({
    parameters: { queues: parameter.texts, webhook: parameter.text, dead: parameter.text },
    columns: {
      waiting: counted(waiting),
      dead: counted(`j.name = $dead AND j.state < 'active' AND NOT j.blocked`),
      /** Of each queue the first in the order of an index. */
      oldestMs: nullable(
        column.wholeNumber(`(SELECT greatest(0, extract(epoch FROM ${now} - min(f.created_on)) * 1000)
    FROM unnest($queues) q CROSS JOIN LATERAL (
      SELECT j.created_on FROM ${job} j
      WHERE j.name = q AND j.priority = 0 AND j.state < 'active' AND NOT j.blocked ORDER BY j.created_on LIMIT 1) f
    HAVING count(*) > 0)`),
      ),
      lastDeliveredAt: nullable(
        column.instant(`(SELECT j.completed_on FROM ${job} j
    WHERE j.name = $webhook AND j.completed_on IS NOT NULL AND j.state = 'completed' ORDER BY j.completed_on DESC LIMIT 1)`),
      ),
    },
    sql: (columns) => `SELECT ${columns}`,
  });
}
