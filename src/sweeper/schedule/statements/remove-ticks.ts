import { parameter, statement } from '../../../db/statement.ts';
import type { PgBossTables } from '../../../jobs/pgboss-tables.ts';
import { aheadOf } from './ahead.ts';

/** Removes the ticks of minutes that come a second time, so that they get new ones. */
export function removeTicksStatement(tables: PgBossTables) {
  return statement({
    parameters: { queue: parameter.text },
    sql: `DELETE FROM ${tables.job} WHERE ${aheadOf(tables).ticks.where}`,
  });
}
