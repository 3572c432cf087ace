import { randomUUID } from 'node:crypto';
import { CommandError } from '../compose/command-error.ts';
import { type ExitCode, exitCode } from '../compose/exit-code.ts';
import { requirePgBoss } from '../compose/ledger-schema.ts';
import { connectionOf, type Location, openLocation } from '../compose/location.ts';
import { webhookSettings } from '../compose/webhook-service.ts';
import type { Config } from '../config/config.ts';
import { shownWebhookUrl } from '../config/webhook.ts';
import { openDatabase } from '../db/database.ts';
import { clockStatement } from '../db/statements/clock.ts';
import { openBoss } from '../jobs/one-shot-boss.ts';
import { DeadLetters } from '../webhook/dead-letters.ts';
import { envelopeOfEvent } from '../webhook/envelope.ts';
import { Poster } from '../webhook/poster.ts';
import { SigningSecrets } from '../webhook/signing-secrets.ts';
import { UndeliveredReader } from '../webhook/undelivered.ts';
import { printAnswer } from './answer.ts';
import { commandLog } from './command-log.ts';
import { WEBHOOK_LIST_DEFAULT, type WebhookAction } from './webhook-arguments.ts';
import { databaseLine, listWebhookWords, replayWords, testWords } from './webhook-words.ts';

export interface WebhookCommandOptions {
  readonly all?: boolean;
  readonly limit?: number;
  readonly json?: boolean;
}

/** What is not delivered to the webhook; dead letters again; or one post, to see whether it arrives. */
export function webhook(
  config: Config,
  action: WebhookAction,
  ids: readonly string[],
  options: WebhookCommandOptions,
): Promise<ExitCode> {
  const { all = false, limit } = options;
  if (action !== 'replay' && (ids.length > 0 || all)) {
    throw usage(`webhook ${action} takes no event ids and no --all: replay does`);
  }
  if (action !== 'list' && limit !== undefined) throw usage('--limit goes with webhook list');
  if (action === 'replay' && ids.length > 0 === all) {
    throw usage('webhook replay: name the events, as `webhook list` shows them, or give --all');
  }
  const run = { list, replay, test }[action];
  return run(config, ids, options);
}

function usage(problem: string): CommandError {
  return new CommandError(exitCode.usage, `${problem} (see webhook --help)`);
}

async function list(config: Config, _: readonly string[], options: WebhookCommandOptions): Promise<ExitCode> {
  await using place = await openLocation(config, commandLog(config));
  await using handle = openDatabase({
    ...connectionOf(place, 1, 'delegation-sweeper webhook'),
    schema: config.dbSchema,
  });
  await requirePgBoss(handle.db, config);
  const reader = new UndeliveredReader(handle.db, config);
  const rows = await reader.posts(options.limit ?? WEBHOOK_LIST_DEFAULT);
  const undelivered = await reader.read();
  const url = config.webhookUrl && shownWebhookUrl(config.webhookUrl);
  const { now } = (await clockStatement().run(handle.db, {}))[0]!;
  const answer = { url, ...undelivered!, rows };
  const words = () => listWebhookWords(answer, { now, terminal: process.stdout.isTTY === true });
  await print(answer, words, options, place);
  return exitCode.done;
}

async function replay(config: Config, ids: readonly string[], options: WebhookCommandOptions): Promise<ExitCode> {
  await using place = await openLocation(config, commandLog(config));
  await using handle = openDatabase({
    ...connectionOf(place, 1, 'delegation-sweeper webhook'),
    schema: config.dbSchema,
  });
  await requirePgBoss(handle.db, config);
  await using boss = await openBoss(connectionOf(place, 1, 'delegation-sweeper webhook'), config.pgbossSchema);
  const letters = new DeadLetters(boss.pgBoss, config);
  const answer = options.all
    ? { replayed: await letters.replayAll(), missing: [] }
    : await letters.replay([...new Set(ids)]);
  await print(answer, () => replayWords(answer), options, place);
  return answer.missing.length > 0 ? exitCode.no : exitCode.done;
}

/** Needs no database: what it finds out is whether the receiver takes what is posted from here. */
async function test(config: Config, _: readonly string[], options: WebhookCommandOptions): Promise<ExitCode> {
  const settings = webhookSettings(config);
  if (settings === null) {
    throw new CommandError(
      exitCode.configuration,
      'WEBHOOK_URL is not set, so there is nowhere to post to.\nWhat to do: set WEBHOOK_URL and WEBHOOK_SECRET (or WEBHOOK_SECRET_FILE) as the daemon has them.',
    );
  }
  const poster = new Poster(new SigningSecrets(settings.secrets, commandLog(config)), settings);
  const id = `test-${randomUUID()}`;
  const outcome = await poster.post(
    envelopeOfEvent({
      specversion: '1.0',
      id,
      source: '/delegation-sweeper/test',
      type: 'webhook.test.v1',
      time: new Date().toISOString(),
      datacontenttype: 'application/json',
      data: {},
    }),
  );
  const { delivered, status, reason, tookMs } = outcome;
  const answer = { delivered, url: shownWebhookUrl(settings.url), id, status, reason, tookMs };
  await print(answer, () => testWords(answer), options, null);
  return delivered ? exitCode.done : exitCode.no;
}

async function print(
  answer: object,
  words: () => string,
  { json = false }: WebhookCommandOptions,
  place: Location | null,
): Promise<void> {
  // The embedded database was not named by the user, so the answer names it.
  const database = place === null || place.embeddedUrl === null ? null : place.name;
  await printAnswer(
    json
      ? `${JSON.stringify({ ...answer, ...(database !== null && { database }) })}\n`
      : `${words()}\n${databaseLine(database)}`,
  );
}
