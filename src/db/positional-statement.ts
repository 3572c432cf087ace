import { CompiledQuery, type DatabaseConnection } from 'kysely';
import { dateOf, type Micros } from './instant.ts';
import { explained } from './outdated-schema-error.ts';
import type { QueryRunner } from './statement.ts';
import { withSystemFunctions } from './system-functions.ts';

export { instantOf as instant, wholeNumberOf as wholeNumber } from './column.ts';
export { isOneOf, literal, literals } from './literal.ts';
export type { QueryRunner } from './statement.ts';

type Instant = Date | null;

/** Names of the columns that hold instants. */
type InstantColumn<Row> = { [Name in keyof Row & string]: Row[Name] extends Instant ? Name : never }[keyof Row &
  string];

/**
 * The former class, while its last users are converted to `statement()`.
 * One SQL text, written out once and run many times with bound parameters. Result columns are named in camelCase, so
 * that rows need no mapping and a caller's CamelCasePlugin has nothing to change.
 *
 * Columns that hold instants are named apart, and selected by `instant()`: a client reads a timestamptz by the session's
 * DateStyle, which may be somebody else's, and as a Date only where the caller has not taught `pg` another type for it.
 */
export class Statement<Row> {
  readonly sql: string;
  readonly #instants: readonly InstantColumn<Row>[];

  constructor(sql: string, instants: readonly InstantColumn<Row>[] = []) {
    this.sql = withSystemFunctions(sql);
    this.#instants = instants;
  }

  async run(db: QueryRunner, parameters: readonly unknown[]): Promise<Row[]> {
    const { rows } = await (db as DatabaseConnection)
      .executeQuery<Row>(CompiledQuery.raw(this.sql, parameters as unknown[]))
      .catch((err: unknown) => {
        throw explained(err);
      });
    return this.#instants.length === 0 ? rows : rows.map((row) => this.#withDates(row));
  }

  #withDates(row: Row): Row {
    const dates = { ...row };
    for (const name of this.#instants) {
      const micros = row[name] as Micros | null;
      dates[name] = (micros === null ? null : dateOf(micros)) as Row[typeof name];
    }
    return dates;
  }
}
