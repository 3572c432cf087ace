import { installSchemas } from '../../../src/compose/install.ts';
import type { DoctorOptions } from '../../../src/doctor/subject.ts';
import type { TestDatabase } from '../../support/database.ts';

export type Damaged = Omit<TestDatabase, keyof AsyncDisposable>;

/** A fault, what makes it on a fresh ledger, and what mends it. */
export interface Damage {
  readonly check: string;
  /** Among the check's faults. */
  readonly fault: string;
  readonly title: string;
  /** Before which the fault would be there already. */
  readonly prepare?: (database: Damaged) => Promise<unknown>;
  make(database: Damaged): Promise<unknown>;
  /** Of the finding's `what`. */
  readonly what: RegExp;
  readonly options?: Partial<DoctorOptions>;
  /** `remedy`: the SQL that the finding names. Absent: the remedy is a person's work. */
  readonly mend?: 'remedy' | ((database: Damaged) => Promise<unknown>);
}

export const sql =
  (...statements: string[]) =>
  async (database: Damaged) => {
    for (const statement of statements) await database.query(statement);
  };

/** A setting of the database, which every new session has. */
export const set = (name: string, value: string) => async (database: Damaged) => {
  await database.query(`ALTER DATABASE ${database.name} SET ${name} = ${value}`);
};
export const reset = (name: string) => async (database: Damaged) => {
  await database.query(`ALTER DATABASE ${database.name} RESET ${name}`);
};

export const migrateUp = ({ url }: Damaged) =>
  installSchemas({ location: { url }, dbSchema: 'public', pgbossSchema: 'pgboss' });

/** Statistics are written a moment after a transaction, unless the session is told to. */
export const flushed = (...statements: string[]) => sql(...statements, 'SELECT pg_stat_force_next_flush()');
