import type { Config } from '../config/config.ts';
import { isNamed, namedLedgers } from '../config/ledger-names.ts';
import { openDatabase } from '../db/database.ts';
import type { EventLog } from '../log/event-log.ts';
import { CommandError } from './command-error.ts';
import { exitCode } from './exit-code.ts';
import { configOf, type FoundLedger, findLedgers } from './found-ledgers.ts';
import { connectionOf, type Location, openLocation } from './location.ts';

/** Of the ledgers that an answer names, the others are counted. */
const NAMED_MAX = 20;

/**
 * The configuration of the ledger that a command works on: `ledger`, the command line's, or the only one that is named.
 * @throws CommandError (78) where DB_SCHEMAS does not name it, or names several and none is chosen; or the database's error.
 */
export async function chosenLedger(config: Config, ledger: string | undefined, log: EventLog): Promise<Config> {
  const { dbSchemas, pgbossSchema } = config;
  if (ledger !== undefined) {
    if (ledger.toLowerCase() === pgbossSchema.toLowerCase()) {
      throw new CommandError(exitCode.configuration, `--ledger ${ledger} is PGBOSS_SCHEMA, which holds no ledger.`);
    }
    if (dbSchemas !== null && !isNamed(ledger, dbSchemas, pgbossSchema)) {
      throw new CommandError(
        exitCode.configuration,
        `DB_SCHEMAS, which is ${dbSchemas.join(',')}, does not name the ledger ${ledger}.\nWhat to do: choose one that it names (\`delegation-sweeper ledgers\` lists them), or add it to DB_SCHEMAS.`,
      );
    }
    return configOf(config, ledger);
  }
  if (dbSchemas === null) return config;
  const { names, prefixes } = namedLedgers(dbSchemas);
  if (names.length === 1 && prefixes.length === 0) return configOf(config, names[0]!);
  const there = (await listLedgers(config, log)).filter(({ oid }) => oid !== null).map(({ name }) => name);
  throw new CommandError(
    exitCode.configuration,
    `DB_SCHEMAS names many ledgers, and this command works on one: ${listed(there)}.\nWhat to do: choose one with --ledger NAME; \`delegation-sweeper ledgers\` lists them.`,
  );
}

/** The ledgers that a command for all of them works on: the chosen one, or every one that DB_SCHEMAS names, also those that do not exist yet. */
export async function ledgersOf(config: Config, ledger: string | undefined, log: EventLog): Promise<Config[]> {
  if (ledger !== undefined || config.dbSchemas === null) return [await chosenLedger(config, ledger, log)];
  return (await listLedgers(config, log)).map(({ name }) => configOf(config, name));
}

/** What DB_SCHEMAS names, by name; without it the ledger of DB_SCHEMA, which may not exist. @throws the database's error. */
export async function listLedgers(config: Config, log: EventLog): Promise<FoundLedger[]> {
  await using place = await openLocation(config, log);
  return await ledgersAt(config, place);
}

/** The same, where the database is open to the command. @throws the database's error. */
export async function ledgersAt(config: Config, place: Pick<Location, 'location'>): Promise<FoundLedger[]> {
  await using handle = openDatabase({
    ...connectionOf(place, 1, 'delegation-sweeper ledgers'),
    schema: config.dbSchema,
  });
  return await findLedgers(handle.db, config.dbSchemas ?? [config.dbSchema], config);
}

function listed(names: readonly string[]): string {
  if (names.length === 0) return 'there is none yet';
  const others = names.length - NAMED_MAX;
  return `${names.slice(0, NAMED_MAX).join(', ')}${others > 0 ? ` and ${others} others` : ''}`;
}
