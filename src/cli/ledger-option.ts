import { type Command, Option } from 'commander';
import type { Config } from '../config/config.ts';
import { keys } from '../config/keys.ts';
import { loadConfig } from '../config/load.ts';
import { commandLog } from './command-log.ts';
import { readBy } from './read-by.ts';

/** Commands that work on no ledger, or on the daemon's. */
const without = ['start', 'ledgers', 'check', 'completion', 'demo'];

export interface LedgerOption {
  /** The ledger that the command works on, by its schema. */
  readonly ledger?: string;
}

/** Adds --ledger to every command that works on a ledger. */
export function addLedgerOptions(program: Command): void {
  for (const command of program.commands.filter((one) => !without.includes(one.name()))) {
    const option = new Option('--ledger <name>', 'the ledger, by its schema, of those that DB_SCHEMAS names');
    command.addOption(option.argParser(readBy(keys.dbSchema)));
  }
}

/** The configuration of the ledger that the command works on. @throws ConfigError, CommandError or the database's error. */
export async function configFor(env: NodeJS.ProcessEnv, options: object): Promise<Config> {
  const { ledger } = options as LedgerOption;
  const config = loadConfig(env);
  if (ledger === undefined && config.dbSchemas === null) return config;
  const { chosenLedger } = await import('../compose/chosen-ledger.ts');
  return chosenLedger(config, ledger, commandLog(config));
}
