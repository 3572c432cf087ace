/** As pg-boss takes a name verbatim; unquoted it would be folded to lower case, and a reserved word refused. */
export function verbatim(pgbossSchema: string): string {
  return `"${pgbossSchema}"`;
}

/** pg-boss's tables, and the clock that it uses, as SQL. */
export interface PgBossTables {
  readonly version: string;
  readonly queue: string;
  readonly job: string;
  readonly schedule: string;
  readonly subscription: string;
  /** A call of its function. */
  readonly now: string;
}

export function pgBossTables(pgbossSchema: string): PgBossTables {
  const schema = verbatim(pgbossSchema);
  return {
    version: `${schema}.version`,
    queue: `${schema}.queue`,
    job: `${schema}.job`,
    schedule: `${schema}.schedule`,
    subscription: `${schema}.subscription`,
    now: `${schema}.job_now()`,
  };
}
