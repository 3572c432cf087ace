import type { Config } from '../config/config.ts';
import { isNamed, namedLedgers } from '../config/ledger-names.ts';
import type { QueryRunner } from '../db/statement.ts';
import { ledgerSchemasStatement } from './statements/ledger-schemas.ts';

/** A schema that DB_SCHEMAS names. */
export interface FoundLedger {
  readonly name: string;
  /** Another one once the schema was dropped and created again; null: there is no such schema. */
  readonly oid: number | null;
}

/** The schemas that DB_SCHEMAS names, by name: those that are there, and those that are named in full and are not. @throws the database's error. */
export async function findLedgers(
  db: QueryRunner,
  entries: readonly string[],
  { pgbossSchema }: Pick<Config, 'pgbossSchema'>,
): Promise<FoundLedger[]> {
  const { names, prefixes } = namedLedgers(entries);
  const found = await ledgerSchemasStatement().run(db, { names: [...names], prefixes: [...prefixes] });
  const there: FoundLedger[] = found.filter(({ name }) => isNamed(name, entries, pgbossSchema));
  const missing = names
    .filter((name) => !there.some((ledger) => ledger.name === name))
    .map((name) => ({ name, oid: null }));
  return [...there, ...missing].toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

/** The configuration of one ledger of those that DB_SCHEMAS names. */
export function configOf(config: Config, ledger: string): Config {
  return Object.freeze({ ...config, dbSchema: ledger });
}
