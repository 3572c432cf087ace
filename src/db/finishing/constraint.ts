import { type Kysely, sql } from 'kysely';
import type { Database } from '../schema.ts';

export type ConstraintState = 'missing' | 'not_validated' | 'validated';

/** Throws the database's error; `missing` also when the table is. */
export async function constraintState(db: Kysely<Database>, schema: string, name: string): Promise<ConstraintState> {
  const { rows } = await sql<{ validated: boolean }>`
    SELECT c.convalidated AS validated FROM pg_catalog.pg_constraint c
    JOIN pg_catalog.pg_namespace n ON n.oid = c.connamespace
    WHERE n.nspname = ${schema} AND c.conname = ${name}`.execute(db);
  if (rows.length === 0) return 'missing';
  return rows[0]!.validated ? 'validated' : 'not_validated';
}

/** Of those named, in their order. Throws the database's error. */
export async function notValidated(db: Kysely<Database>, schema: string, names: readonly string[]): Promise<string[]> {
  const states = await Promise.all(names.map((name) => constraintState(db, schema, name)));
  return names.filter((_, i) => states[i] === 'not_validated');
}

/** Reads the whole table, once, under a lock that stops no reader and no writer. Throws 23514 where a row violates one. */
export async function validateConstraints(
  db: Kysely<Database>,
  schema: string,
  table: string,
  names: readonly string[],
): Promise<void> {
  await db.transaction().execute(async (transaction) => {
    // Without the time limits that are set for agents; autovacuum yields to it.
    await sql`SELECT set_config('lock_timeout', '0', true), set_config('statement_timeout', '0', true)`.execute(
      transaction,
    );
    const validations = sql.join(names.map((name) => sql`VALIDATE CONSTRAINT ${sql.id(name)}`));
    await sql`ALTER TABLE ${sql.id(schema, table)} ${validations}`.execute(transaction);
  });
}
