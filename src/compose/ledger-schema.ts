import type { Kysely } from 'kysely';
import type { Config } from '../config/config.ts';
import { type PlacementFault, readPlacement, type Schemas } from '../db/citus/placement.ts';
import { ENCODING_REMEDY, REQUIRED_ENCODING, serverEncoding } from '../db/encoding.ts';
import type { Database } from '../db/schema.ts';
import { type OutdatedSchema, outdatedSchema } from '../sweeper/schedule/schema-gate.ts';
import { CommandError } from './command-error.ts';
import { exitCode } from './exit-code.ts';

/** For a database whose encoding cannot represent every text. */
function encodingError(found: string | null): CommandError {
  return new CommandError(
    exitCode.configuration,
    `The database's encoding is ${found}, which cannot hold every text that an agent writes; the ledger needs ${REQUIRED_ENCODING}: ${ENCODING_REMEDY}`,
  );
}

/** @throws CommandError where the database's encoding is not UTF8, or the database's error. */
export async function requireEncoding(db: Kysely<Database>): Promise<void> {
  const found = await serverEncoding(db);
  if (found !== REQUIRED_ENCODING) throw encodingError(found);
}

/** @throws CommandError where Citus has a part of the ledger or of pg-boss, or the database's error. */
export async function requirePlacement(db: Kysely<Database>, schemas: Schemas): Promise<void> {
  const placement = await readPlacement(db, schemas);
  if (placement.kind === 'unsupported') throw placementError(placement.faults[0]);
}

function placementError({ what, remedy }: Pick<PlacementFault, 'what' | 'remedy'>): CommandError {
  return new CommandError(
    exitCode.configuration,
    `The ledger cannot be used as Citus has it: ${what}.\nWhat to do: ${remedy}`,
  );
}

/** A one-shot command needs the ledger's tables, not pg-boss's. @throws CommandError, or the database's error. */
export async function requireLedgerSchema(
  db: Kysely<Database>,
  { dbSchema, pgbossSchema }: Pick<Config, 'dbSchema' | 'pgbossSchema'>,
): Promise<void> {
  const outdated = await outdatedSchema(db, dbSchema, pgbossSchema);
  if (outdated !== null && outdated.component !== 'pgboss') throw outdatedError(outdated, dbSchema);
}

/** A command that reads or changes jobs needs pg-boss's tables, too. @throws CommandError, or the database's error. */
export async function requirePgBoss(
  db: Kysely<Database>,
  { dbSchema, pgbossSchema }: Pick<Config, 'dbSchema' | 'pgbossSchema'>,
): Promise<void> {
  const outdated = await outdatedSchema(db, dbSchema, pgbossSchema);
  if (outdated !== null) throw outdatedError(outdated, dbSchema, pgbossSchema);
}

function outdatedError(outdated: OutdatedSchema, dbSchema: string, pgbossSchema = ''): CommandError {
  const { found, required, remedy } = outdated;
  if (outdated.component === 'encoding') return encodingError(found);
  if (outdated.component === 'citus') return placementError({ what: found ?? '', remedy });
  if (outdated.component === 'pgboss') {
    const is = found === null ? 'is not installed' : `is older than this program (found ${found}, needs ${required})`;
    return new CommandError(exitCode.configuration, `pg-boss's schema ${pgbossSchema} ${is}: ${remedy}`);
  }
  const text =
    found === null
      ? `There is no ledger in the schema ${dbSchema}: ${remedy}, or set DB_SCHEMA to the schema that has it`
      : `The ledger's schema in ${dbSchema} is older than this program (found ${found}, needs ${required}): ${remedy}`;
  return new CommandError(exitCode.configuration, text);
}
