import type { Queryable } from './wait-for.ts';

/** Marking each row takes this long, so that a sweep can be interrupted in its middle. Undone by `undo`. */
export async function slowMarks(database: Queryable, ms: number) {
  return markTrigger(database, 'slow', `PERFORM pg_sleep(${ms / 1000});`);
}

/** The first marks raise this SQLSTATE, whatever is rolled back. Undone by `undo`. */
export async function failingMarks(database: Queryable, sqlstate: string, times: number) {
  await database.query('CREATE SEQUENCE faults');
  return markTrigger(
    database,
    'failing',
    `IF nextval('faults') <= ${times} THEN RAISE EXCEPTION 'injected' USING ERRCODE = '${sqlstate}'; END IF;`,
  );
}

async function markTrigger(database: Queryable, name: string, body: string) {
  await database.query(
    `CREATE FUNCTION ${name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN ${body} RETURN NEW; END $$`,
  );
  await database.query(`CREATE TRIGGER ${name} BEFORE UPDATE ON delegations FOR EACH ROW EXECUTE FUNCTION ${name}()`);
  return { undo: () => database.query(`DROP TRIGGER ${name} ON delegations`) };
}

/** Backends that are in the middle of marking slow rows. */
export async function markingBackends(database: Queryable): Promise<number[]> {
  const rows = await database.query<{ pid: number }>(
    `SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'`,
  );
  return rows.map(({ pid }) => pid);
}
