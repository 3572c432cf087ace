import { CommandError } from '../compose/command-error.ts';
import { type ExitCode, exitCode } from '../compose/exit-code.ts';
import { requireLedgerSchema } from '../compose/ledger-schema.ts';
import { connectionOf, openLocation } from '../compose/location.ts';
import type { Config } from '../config/config.ts';
import { durationText } from '../config/duration.ts';
import { openDatabase } from '../db/database.ts';
import { clockStatement } from '../db/statements/clock.ts';
import type { Delegation } from '../ledger/delegation.ts';
import { InvalidArgumentError } from '../ledger/errors.ts';
import { DelegationLedger } from '../ledger/ledger.ts';
import type { ListResult } from '../ledger/listing.ts';
import type { Status } from '../ledger/transitions.ts';
import { visible } from '../log/visible.ts';
import { printAnswer } from './answer.ts';
import { commandLog } from './command-log.ts';
import { listWords } from './list-words.ts';
import { shellWord } from './shell-word.ts';

export interface ListCommandOptions {
  readonly status?: Status;
  readonly caller?: string;
  readonly callee?: string;
  /** In milliseconds. */
  readonly olderThan?: number;
  readonly limit?: number;
  readonly after?: string;
  readonly json?: boolean;
}

/** One page of delegations, newest first. */
export async function list(config: Config, options: ListCommandOptions): Promise<ExitCode> {
  const { status, caller, callee, olderThan, limit, after, json = false } = options;
  await using place = await openLocation(config, commandLog(config));
  await using handle = openDatabase({
    ...connectionOf(place, 1, 'delegation-sweeper list'),
    schema: config.dbSchema,
  });
  await requireLedgerSchema(handle.db, config);
  const ledger = new DelegationLedger(handle.db);
  const filters = { status, callerId: caller, calleeId: callee, olderThanMs: olderThan, limit, after };
  const page = await ledger.list(filters).catch((err: unknown) => {
    throw asUsage(err);
  });
  // The embedded database was not named by the user, so the answer names it.
  const database = place.embeddedUrl === null ? null : place.name;
  if (json) {
    await printAnswer(`${JSON.stringify({ ...withoutPreviews(page), ...(database !== null && { database }) })}\n`);
    return exitCode.done;
  }
  const { now } = (await clockStatement().run(handle.db, {}))[0]!;
  const terminal = process.stdout.isTTY === true;
  const following = page.next === null ? null : commandOf({ ...options, after: page.next });
  const lines = [
    listWords(page.rows, { now, terminal }),
    ...(following === null ? [] : [`Next page: ${following}`]),
    ...(database === null ? [] : [`Database: ${visible(database)}.`]),
  ];
  await printAnswer(`${lines.join('\n')}\n`);
  return exitCode.done;
}

/** Nothing that an agent wrote as a preview or an error detail is printed: an answer is piped into files and tickets. */
function withoutPreviews({ rows, next }: ListResult): {
  readonly rows: readonly Omit<Delegation, 'taskPreview' | 'resultPreview' | 'errorDetail'>[];
  readonly next: string | null;
} {
  return { rows: rows.map(({ taskPreview: _task, resultPreview: _result, errorDetail: _error, ...row }) => row), next };
}

const optionOf: Readonly<Record<string, string>> = {
  status: '--status',
  callerId: '--caller',
  calleeId: '--callee',
  olderThanMs: '--older-than',
  limit: '--limit',
  after: '--after',
};

/** What the ledger refuses is what the command line says. */
function asUsage(err: unknown): unknown {
  if (!(err instanceof InvalidArgumentError)) return err;
  const accepted = err.message.slice(err.field.length);
  return new CommandError(
    exitCode.usage,
    `${optionOf[err.field] ?? err.field}${accepted}\nWhat to do: see \`delegation-sweeper list --help\`.`,
  );
}

/** The command as a person would type it. */
function commandOf({ status, caller, callee, olderThan, limit, after }: ListCommandOptions): string {
  const values = {
    status,
    caller,
    callee,
    'older-than': olderThan === undefined ? undefined : durationText(olderThan),
    limit: limit?.toString(),
    after,
  };
  const options = Object.entries(values).flatMap(([name, value]) =>
    value === undefined ? [] : [`--${name}${value.startsWith('-') ? '=' : ' '}${shellWord(value)}`],
  );
  return ['delegation-sweeper list', ...options].join(' ');
}
