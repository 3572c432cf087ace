import { doctorOptions } from '../compose/doctor-options.ts';
import { type ExitCode, exitCode } from '../compose/exit-code.ts';
import { connectionOf, openLocation } from '../compose/location.ts';
import type { Config } from '../config/config.ts';
import { openDatabase } from '../db/database.ts';
import { examine } from '../doctor/examine.ts';
import type { Examination } from '../doctor/finding.ts';
import { Subject } from '../doctor/subject.ts';
import { printAnswer } from './answer.ts';
import { commandLog } from './command-log.ts';
import { doctorWords } from './doctor-words.ts';

/** Longer than the server gives a statement of a check. */
const QUERY_TIMEOUT_MS = 10_000;
/** A check that takes longer is named on stderr. */
const PATIENCE_MS = 5_000;

/**
 * Prints what is wrong with this installation. Exits 1 when something is, and 69 when the database is away: then what can
 * be said without it is said.
 */
export async function doctor(config: Config, { json = false }: { readonly json?: boolean }): Promise<ExitCode> {
  await using place = await openLocation(config, commandLog(config));
  await using handle = openDatabase({
    ...connectionOf(place, 2, 'delegation-sweeper doctor'),
    queryTimeoutMs: QUERY_TIMEOUT_MS,
    schema: config.dbSchema,
  });
  const progress = new Progress();
  const subject = new Subject(handle.db, doctorOptions(config, place));
  const examination = await examine(subject, (name) => progress.begin(name)).finally(() => progress.end());
  const database = place.name;
  const text = json
    ? JSON.stringify({ database, ...examination })
    : doctorWords({ ...examination, database }, { terminal: process.stdout.isTTY === true });
  await printAnswer(`${text}\n`);
  return codeOf(examination);
}

function codeOf({ reachable, findings }: Examination): ExitCode {
  if (!reachable) return exitCode.unavailable;
  return findings.length > 0 ? exitCode.no : exitCode.done;
}

/** Names the check that takes long. */
class Progress {
  #timer: NodeJS.Timeout | undefined;

  begin(name: string): void {
    this.end();
    this.#timer = setTimeout(() => process.stderr.write(`still checking: ${name}\n`), PATIENCE_MS);
  }

  end(): void {
    clearTimeout(this.#timer);
  }
}
