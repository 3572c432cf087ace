import { type ExitCode, exitCode } from '../compose/exit-code.ts';
import { requireLedgerSchema } from '../compose/ledger-schema.ts';
import { connectionOf, openLocation } from '../compose/location.ts';
import { statusOptions } from '../compose/sweeper-options.ts';
import type { Config } from '../config/config.ts';
import { openDatabase } from '../db/database.ts';
import { StatusReader } from '../sweeper/status/status-reader.ts';
import { UndeliveredReader } from '../webhook/undelivered.ts';
import { printAnswer } from './answer.ts';
import { commandLog } from './command-log.ts';
import { statusWords } from './status-words.ts';

/** Prints the status, from the database alone: no daemon is asked. Exits 1 when no sweep has succeeded in time. */
export async function status(config: Config, { json = false }: { readonly json?: boolean }): Promise<ExitCode> {
  await using place = await openLocation(config, commandLog(config));
  await using handle = openDatabase({
    ...connectionOf(place, 1, 'delegation-sweeper status'),
    schema: config.dbSchema,
  });
  await requireLedgerSchema(handle.db, config);
  const reader = new StatusReader(handle.db, statusOptions(config));
  const read = await reader.status();
  const census = await reader.census();
  const webhook = await new UndeliveredReader(handle.db, config).read();
  const sweeping = read.sweptAt !== null && read.sweptAt >= read.dueSince;
  const text = json
    ? JSON.stringify({ sweeping, database: place.name, ...read, open: census, webhook })
    : statusWords(
        { read, census, webhook, sweeping, database: place.name },
        { terminal: process.stdout.isTTY === true },
      );
  await printAnswer(`${text}\n`);
  return sweeping ? exitCode.done : exitCode.no;
}
