import { PgBoss } from 'pg-boss';
import type { JobInsertion } from '../events/job-insertion.ts';
import { verbatim } from './pgboss-tables.ts';
import { requiredVersion } from './pgboss-version.ts';

const UNKNOWN = 'this release of pg-boss inserts jobs in a way that is not known';

/** A name that pg-boss accepts, and that no queue has. */
const QUEUE_NAME = '__delegation_sweeper_queue__';

/**
 * How the installed release of pg-boss inserts jobs: its own statements, for a queue of any options, as boss.publish does. pg-boss exports them
 * nowhere, so it is given a database that answers as one with this queue would, and keeps the statement that it gets.
 */
export async function jobInsertion(pgbossSchema: string): Promise<JobInsertion> {
  return {
    schema: verbatim(pgbossSchema),
    insert: await statementOf(pgbossSchema, false),
    insertAndNotify: await statementOf(pgbossSchema, true),
    queueName: QUEUE_NAME,
  };
}

async function statementOf(pgbossSchema: string, notify: boolean): Promise<string> {
  // `job` holds the jobs of all queues, those with a table of their own, too.
  const row = { name: QUEUE_NAME, table: 'job', policy: 'standard', notify, version: requiredVersion };
  const boss = new PgBoss({
    db: { executeSql: async () => ({ rows: [row] }) },
    schema: verbatim(pgbossSchema),
    migrate: false,
    createSchema: false,
    supervise: false,
    schedule: false,
    registerInstance: false,
  });
  const statements: string[] = [];
  const executeSql = async (sql: string) => {
    statements.push(sql);
    return { rows: [] };
  };
  try {
    await boss.start();
    await boss.insert(QUEUE_NAME, [{ data: {}, singletonKey: 'key' }], { db: { executeSql } });
  } finally {
    await boss.stop({ graceful: false });
  }
  const [sql] = statements;
  if (sql === undefined || statements.length > 1) throw new Error(UNKNOWN);
  return withArrays(sql);
}

/**
 * SQL: a UUID of version 7, ascending in the order of the events. pg-boss takes the jobs of one transaction in the order of
 * their ids, which it would choose at random. Its time is the transaction's, as that of the job is: a clock that is set back
 * meanwhile, or read twice alike, does not change their order. $3 counts the events that the transaction published before.
 */
const ascendingId = `(lpad(to_hex(began.us / 1000), 12, '0') || '7' || lpad(to_hex(began.us % 1000), 3, '0')
      || '8' || lpad(to_hex($3::bigint + j.nth), 7, '0') || left(gen_random_uuid()::text, 8))`;

/** A name and a type of each column, as pg-boss reads a job from JSON. */
const jobsFromJson = /json_to_recordset\(\$1::text::json\) as x \(([^()]*)\)/;

/**
 * The same with the jobs from two arrays, of their keys and their data. As JSON the events of a batch would be written and
 * parsed three times, which took as long as marking its rows.
 */
function withArrays(sql: string): string {
  const [, list] = jobsFromJson.exec(sql) ?? [];
  if (list === undefined) throw new Error(UNKNOWN);
  const columns = list.split(',').map((column) => {
    const [, name, type] = /^\s*("\w+"|\w+) (\w+)\s*$/.exec(column) ?? [];
    if (name === undefined) throw new Error(UNKNOWN);
    if (name === 'id') return `${ascendingId}::${type} AS id`;
    if (name === 'data') return 'j.data AS data';
    return name === '"singletonKey"' ? `j.key AS ${name}` : `NULL::${type} AS ${name}`;
  });
  const jobs = `(SELECT ${columns.join(', ')} FROM unnest($1::text[], $2::jsonb[]) WITH ORDINALITY AS j (key, data, nth),
    (SELECT (extract(epoch FROM transaction_timestamp()) * 1000000)::bigint AS us) began) x`;
  return sql.replace(jobsFromJson, () => jobs);
}
