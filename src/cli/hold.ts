import { userInfo } from 'node:os';
import { type ExitCode, exitCode } from '../compose/exit-code.ts';
import { requireLedgerSchema } from '../compose/ledger-schema.ts';
import { connectionOf, openLocation } from '../compose/location.ts';
import type { Config } from '../config/config.ts';
import { openDatabase } from '../db/database.ts';
import { visible } from '../log/visible.ts';
import { OperatorHolds } from '../sweeper/hold/operator-holds.ts';
import { printAnswer } from './answer.ts';
import { commandLog } from './command-log.ts';
import { heldWords, releasedWords } from './hold-words.ts';

export interface ReleaseOptions {
  /** Who asks for it. Default: the user of the operating system. */
  readonly by?: string;
  readonly json?: boolean;
}

export interface HoldOptions extends ReleaseOptions {
  /** How long, in milliseconds. */
  readonly for: number;
  readonly reason: string;
}

/** Holds the rules that infer silence from now on, in place of a hold that is in force. */
export function hold(config: Config, options: HoldOptions): Promise<ExitCode> {
  const { for: forMs, reason, by = systemUser() } = options;
  return answer(config, options, async (holds) => {
    const result = await holds.hold({ forMs, reason, by });
    return { json: { outcome: 'held', ...result }, words: heldWords(result, isTerminal()), code: exitCode.done };
  });
}

/** Ends an operator's hold. Exits 1 when there is none. */
export function release(config: Config, options: ReleaseOptions): Promise<ExitCode> {
  const { by = systemUser() } = options;
  return answer(config, options, async (holds) => {
    const ended = await holds.release(by);
    const outcome = ended === null ? 'not_held' : 'released';
    const code = ended === null ? exitCode.no : exitCode.done;
    return { json: { outcome, hold: ended }, words: releasedWords(ended), code };
  });
}

interface Answer {
  readonly json: object;
  readonly words: string;
  readonly code: ExitCode;
}

async function answer(
  config: Config,
  { json = false }: ReleaseOptions,
  ask: (holds: OperatorHolds) => Promise<Answer>,
): Promise<ExitCode> {
  await using place = await openLocation(config, commandLog(config));
  await using handle = openDatabase({
    ...connectionOf(place, 1, 'delegation-sweeper hold'),
    schema: config.dbSchema,
  });
  await requireLedgerSchema(handle.db, config);
  const given = await ask(new OperatorHolds(handle.db));
  // The embedded database was not named by the user, so the answer names it.
  const database = place.embeddedUrl === null ? null : place.name;
  await printAnswer(
    json
      ? `${JSON.stringify(database === null ? given.json : { ...given.json, database })}\n`
      : `${given.words}\n${database === null ? '' : `Database: ${visible(database)}.\n`}`,
  );
  return given.code;
}

function isTerminal(): boolean {
  return process.stdout.isTTY === true;
}

/** In a container the user often has no name. */
function systemUser(): string {
  try {
    return userInfo().username;
  } catch {
    return `uid ${process.getuid?.() ?? 'unknown'}`;
  }
}
