import type { Command } from 'commander';
import { integer } from '../config/number.ts';
import { LIST_LIMIT_MAX } from '../ledger/limits.ts';
import { examples } from './examples.ts';
import { argumentOneOf } from './one-of.ts';
import { readBy } from './read-by.ts';
import type { WebhookCommandOptions } from './webhook.ts';
import { WEBHOOK_LIST_DEFAULT, type WebhookAction, webhookActions } from './webhook-arguments.ts';

type Run = (action: WebhookAction, ids: readonly string[], options: WebhookCommandOptions) => Promise<void>;

export function addWebhookCommand(program: Command, run: Run): void {
  program
    .command('webhook')
    .description('what is not delivered to WEBHOOK_URL; send dead letters again; or test whether a post arrives')
    .addArgument(argumentOneOf('<action>', 'what to do', webhookActions))
    .argument('[event_ids...]', 'replay: the events, as `list` and the log name them')
    .option('--all', 'replay: all dead letters')
    .option(
      '--limit <rows>',
      `list: rows, dead letters first: 1 to ${LIST_LIMIT_MAX}, ${WEBHOOK_LIST_DEFAULT} by default`,
      readBy(integer(1, LIST_LIMIT_MAX)),
    )
    .option('--json', 'print the answer as one JSON object')
    .addHelpText(
      'after',
      examples(
        'delegation-sweeper webhook list',
        'delegation-sweeper webhook replay 1804 1807',
        'WEBHOOK_URL=https://... WEBHOOK_SECRET_FILE=... delegation-sweeper webhook test',
      ),
    )
    .action(run);
}
