import { check, type Seen } from '../check.ts';
import { expectedTables } from '../expected/tables.ts';
import { tableHealthStatement } from '../statements/table-health.ts';
import { transactionIdsStatement } from '../statements/transaction-ids.ts';

/** PostgreSQL stops taking writes at about two thousand million. */
const STOP_AT = 2_000_000_000;
/** Autovacuum begins at autovacuum_freeze_max_age, whatever its settings: twice that, it does not get through. */
const FREEZE_MAX_FACTOR = 2;

export const transactionIds = check({
  name: 'transaction-ids',
  about:
    "How old the oldest transaction ids are that the database and the ledger's tables still hold: the server stops at two thousand million.",
  faults: {
    table_old: {
      severity: 'problem',
      when: `A table was not frozen for over ${FREEZE_MAX_FACTOR} times autovacuum_freeze_max_age`,
      remedy: 'End what holds it up (the check `snapshots`), then `VACUUM (FREEZE, VERBOSE) {schema}.{table};`',
    },
    database_old: {
      severity: 'problem',
      when: `The database was not frozen for over ${FREEZE_MAX_FACTOR} times autovacuum_freeze_max_age`,
      remedy:
        "Find its oldest tables: `SELECT oid::regclass, age(relfrozenxid) FROM pg_class WHERE relkind IN ('r', 't', 'm') ORDER BY 2 DESC LIMIT 10;`, and `VACUUM (FREEZE)` them.",
    },
  },
  read: (subject) =>
    subject.catalogue(async (db) => {
      const values = { schema: subject.options.dbSchema, tables: Object.keys(expectedTables) };
      return {
        ...(await transactionIdsStatement().run(db, {}))[0]!,
        health: await tableHealthStatement().run(db, values),
      };
    }),
  judge: ({ databaseAge, freezeMax, health }, { options }) =>
    judgeAges(databaseAge, freezeMax, health, options.dbSchema),
});

/** Pure: which ages are too high. */
export function judgeAges(
  databaseAge: number,
  freezeMax: number,
  tables: readonly { readonly table: string; readonly xidAge: number }[],
  schema: string,
): Seen<'table_old' | 'database_old'>[] {
  const limit = Math.min(FREEZE_MAX_FACTOR * freezeMax, STOP_AT / 2);
  const words = (age: number) =>
    `age ${age}; autovacuum freezes from ${freezeMax}, the server stops at about ${STOP_AT}`;
  const seen: Seen<'table_old' | 'database_old'>[] = tables
    .filter(({ xidAge }) => xidAge > limit)
    .map(({ table, xidAge }) => ({
      fault: 'table_old',
      what: `${table} was not frozen for very long`,
      how: words(xidAge),
      names: { schema, table },
    }));
  if (databaseAge > limit) {
    seen.push({ fault: 'database_old', what: 'The database was not frozen for very long', how: words(databaseAge) });
  }
  return seen.length > 0 ? seen : [{ note: `the oldest transaction id is ${databaseAge} old` }];
}
