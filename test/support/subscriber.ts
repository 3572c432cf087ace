import type { EventType } from '../../src/events/event-types.ts';
import type { LedgerEvent } from '../../src/events/ledger-event.ts';
import type { Queryable } from './wait-for.ts';

/** A queue of pg-boss that subscribes to these types of events; nothing takes its jobs. Returns its name. */
export async function subscribe(
  database: Queryable,
  types: readonly EventType[],
  { queue = 'listener', options = {} }: { readonly queue?: string; readonly options?: object } = {},
): Promise<string> {
  await database.query(`SELECT pgboss.create_queue($1, $2)`, [
    queue,
    JSON.stringify({ policy: 'standard', ...options }),
  ]);
  await database.query('INSERT INTO pgboss.subscription (event, name) SELECT unnest($2::text[]), $1', [queue, types]);
  return queue;
}

/** The events in a queue, in the order of their ids. */
export async function eventsIn(database: Queryable, queue = 'listener'): Promise<LedgerEvent[]> {
  const rows = await database.query<{ data: LedgerEvent }>(
    `SELECT data FROM pgboss.job WHERE name = $1 ORDER BY length(data ->> 'id'), data ->> 'id'`,
    [queue],
  );
  return rows.map(({ data }) => data);
}
