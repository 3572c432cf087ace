import type { Kysely } from 'kysely';
import type { Config } from '../config/config.ts';
import type { Database } from '../db/schema.ts';
import { outdatedSchema } from '../sweeper/schedule/schema-gate.ts';
import { CommandError } from './command-error.ts';
import { exitCode } from './exit-code.ts';

/** A one-shot command needs the ledger's tables, not pg-boss's. @throws CommandError, or the database's error. */
export async function requireLedgerSchema(
  db: Kysely<Database>,
  { dbSchema, pgbossSchema }: Pick<Config, 'dbSchema' | 'pgbossSchema'>,
): Promise<void> {
  const outdated = await outdatedSchema(db, dbSchema, pgbossSchema);
  if (outdated?.component !== 'ledger') return;
  const { found, required, remedy } = outdated;
  throw new CommandError(
    exitCode.configuration,
    `The ledger's schema in ${dbSchema} is older than this program (found ${found ?? 'none'}, needs ${required}): ${remedy}`,
  );
}
