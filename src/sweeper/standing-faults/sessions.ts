import { wholeNumber } from '../../db/positional-statement.ts';
/** SQL: what pg_stat_activity tells of a session `a`, as events show it. Null where the daemon's role may not see it. */
export const sessionColumns = `a.pid AS "pid", a.usename::text AS "user", a.application_name AS "applicationName",
  a.state AS "state", ${wholeNumber('floor(extract(epoch FROM clock_timestamp() - a.xact_start) * 1000)')} AS "transactionAgeMs"`;

/** Another session that holds a sweep up: its server process is what pg_terminate_backend takes. */
export interface Session {
  readonly pid: number | null;
  readonly user: string | null;
  readonly applicationName: string | null;
  readonly state: string | null;
  readonly transactionAgeMs: number | null;
}
