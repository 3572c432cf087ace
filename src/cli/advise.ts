import { type ExitCode, exitCode } from '../compose/exit-code.ts';
import { requireLedgerSchema } from '../compose/ledger-schema.ts';
import { connectionOf, openLocation } from '../compose/location.ts';
import type { Config } from '../config/config.ts';
import { openDatabase } from '../db/database.ts';
import { visible } from '../log/visible.ts';
import { Advisor } from '../sweeper/advice/advisor.ts';
import { adviseWords } from './advise-words.ts';
import { printAnswer } from './answer.ts';
import { commandLog } from './command-log.ts';

export interface AdviseCommandOptions {
  readonly callee?: string;
  readonly json?: boolean;
}

/** The threshold that the evidence supports, per callee. Exits 1 when there is none about the callee that was named. */
export async function advise(config: Config, { callee, json = false }: AdviseCommandOptions): Promise<ExitCode> {
  await using place = await openLocation(config, commandLog(config));
  await using handle = openDatabase({
    ...connectionOf(place, 1, 'delegation-sweeper advise'),
    schema: config.dbSchema,
  });
  await requireLedgerSchema(handle.db, config);
  const advice = await new Advisor(handle.db, config).advice({ calleeId: callee });
  // The embedded database was not named by the user, so the answer names it.
  const database = place.embeddedUrl === null ? null : place.name;
  const words = () => adviseWords(advice, callee ?? null, { terminal: process.stdout.isTTY === true });
  await printAnswer(
    json
      ? `${JSON.stringify({ ...advice, ...(database !== null && { database }) })}\n`
      : `${words()}\n${database === null ? '' : `Database: ${visible(database)}.\n`}`,
  );
  return callee !== undefined && advice.callees.length === 0 ? exitCode.no : exitCode.done;
}
