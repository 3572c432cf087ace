import { column, nullable } from '../../../db/statement.ts';

/** What pg_stat_activity shows of another session `a` that holds up a sweep. Null where the daemon's role may not see it. */
export const sessionColumns = {
  /** What pg_terminate_backend takes. */
  pid: nullable(column.wholeNumber('a.pid')),
  user: nullable(column.text('a.usename::text')),
  applicationName: nullable(column.text('a.application_name')),
  state: nullable(column.text('a.state')),
  transactionAgeMs: nullable(column.wholeNumber('floor(extract(epoch FROM clock_timestamp() - a.xact_start) * 1000)')),
};
