import { Command, CommanderError } from 'commander';
import { checkoutOnly } from '../compose/checkout-only.ts';
import { type ExitCode, exitCode } from '../compose/exit-code.ts';
import { version } from '../compose/version.ts';
import { duration } from '../config/duration.ts';
import { keys } from '../config/keys.ts';
import { loadConfig } from '../config/load.ts';
import { integer } from '../config/number.ts';
import { LIST_LIMIT_DEFAULT, LIST_LIMIT_MAX } from '../ledger/limits.ts';
import { statuses } from '../ledger/transitions.ts';
import { visibleLines } from '../log/visible.ts';
import { printAnswer } from './answer.ts';
import { completion, type Shell, shells } from './completion.ts';
import { examples } from './examples.ts';
import { failureOf } from './failure.ts';
import { addHoldCommands } from './hold-commands.ts';
import { addLedgerOptions, configFor } from './ledger-option.ts';
import { addLedgersCommand } from './ledgers-command.ts';
import { type MigrateAction, migrateActions } from './migrate-actions.ts';
import { argumentOneOf, optionOneOf } from './one-of.ts';
import { addPruneCommand } from './prune-command.ts';
import { readBy } from './read-by.ts';
import { addReconcileCommand } from './reconcile-command.ts';
import { addWebhookCommand } from './webhook-command.ts';

const codes = `
Exit codes: 0 done, 1 the answer is no, 64 usage, 69 database unavailable, 70 internal error, 78 configuration, 130 interrupted (demo, retry, prune, reconcile).
Configuration comes from the environment (docs/configuration.md); \`check\` prints it as it is in effect.`;

/** How old a delegation may be: the library accepts no more. */
const AGE = duration('1ms', '3650d');

/** Runs one command. The answer goes to stdout, errors to stderr; the daemon logs to stdout. */
export async function run(args: readonly string[]): Promise<ExitCode> {
  // Where stderr is closed there is nobody to report to; that must not be another failure.
  process.stderr.on('error', () => {});
  let code: ExitCode = exitCode.done;
  let help = '';
  const program = programOf({
    done: (result) => {
      code = result;
    },
    writeHelp: (text) => {
      help += text;
    },
  });
  try {
    try {
      await program.parseAsync(args, { from: 'user' });
      return code;
    } catch (err) {
      // commander has printed what is wrong. Help and version come as such an error as well, with exit code 0.
      if (!(err instanceof CommanderError)) throw err;
      await printAnswer(help);
      return err.exitCode === 0 ? exitCode.done : exitCode.usage;
    }
  } catch (err) {
    const failure = failureOf(err);
    process.stderr.write(`${visibleLines(failure.message)}\n`);
    return failure.exitCode;
  }
}

export interface Outlets {
  readonly done: (code: ExitCode) => void;
  /** Help and the version: answers like any other. */
  readonly writeHelp: (text: string) => void;
}

/**
 * The command line: every command, and what runs it. What runs it is loaded when it runs: a command would wait several times
 * as long for the modules of all others.
 */
export function programOf({ done, writeHelp }: Outlets): Command {
  const program = new Command('delegation-sweeper')
    .description('Finds the delegations whose agent has gone silent, and moves them to stuck.')
    .version(version)
    .exitOverride()
    // Before the commands are created, which inherit it.
    .configureOutput({ writeOut: writeHelp })
    .showHelpAfterError('What to do: see `delegation-sweeper --help`.')
    .addHelpText('after', codes);
  program
    .command('start')
    .description('run the daemon: sweep at start, then on every tick of SWEEP_CRON')
    .option('--json', 'accepted like everywhere: the log has one JSON object per line anyway')
    .addHelpText(
      'after',
      examples('DATABASE_URL=postgresql://... delegation-sweeper start', 'LOG_LEVEL=warn delegation-sweeper start'),
    )
    .action(async () => {
      const { start } = await import('./start.ts');
      done(await start(loadConfig(process.env)));
    });
  program
    .command('sweep')
    .description('sweep once, now')
    .option('--dry-run', 'change nothing; name every row that would change, with the reason')
    .option('--force', 'ignore a hold, of the storm guard or an operator, for this one sweep')
    .option(
      '--stuck-after <duration>',
      'use this threshold, such as 10m, instead of the one that the daemons have agreed on',
      readBy(keys.stuckAfterMs),
    )
    .option('--json', 'print the summary as one JSON object')
    .addHelpText(
      'after',
      examples('delegation-sweeper sweep --dry-run', "delegation-sweeper sweep --dry-run --json | jq '.rows[]'"),
    )
    .action(async (options) => {
      const { sweep } = await import('./sweep.ts');
      done(await sweep(await configFor(process.env, options), options));
    });
  program
    .command('migrate')
    .description("install the ledger's and pg-boss's schemas, bring them up to date, or remove the ledger's")
    .addArgument(argumentOneOf('[action]', 'what to do', migrateActions).default('up'))
    .option('--delete-all-data', 'down: also when the ledger has rows, which are deleted')
    .option('--even-if-running', 'down: also while a daemon runs')
    .option('--json', 'print the result as one JSON object')
    .addHelpText('after', examples('delegation-sweeper migrate up', 'delegation-sweeper migrate status --json'))
    .action(async (action: MigrateAction, options) => {
      const { migrate } = await import('./migrate.ts');
      done(await migrate(loadConfig(process.env), action, options));
    });
  program
    .command('status')
    .description('show sweeps, storm, open delegations and false positives; exit 1 when it is not sweeping')
    .option('--json', 'print it as one JSON object')
    .addHelpText('after', examples('delegation-sweeper status', 'delegation-sweeper status --json | jq .oldest'))
    .action(async (options) => {
      const { status } = await import('./status.ts');
      done(await status(await configFor(process.env, options), options));
    });
  addLedgersCommand(program, async (options) => {
    const { ledgers } = await import('./ledgers.ts');
    done(await ledgers(loadConfig(process.env), options));
  });
  program
    .command('doctor')
    .description('find out what is wrong with this installation, and what to do; reads only; exit 1 on a finding')
    .option('--json', 'print the findings and the checks as one JSON object')
    .addHelpText('after', examples('delegation-sweeper doctor', "delegation-sweeper doctor --json | jq '.findings[]'"))
    .action(async (options) => {
      const { doctor } = await import('./doctor.ts');
      done(await doctor(await configFor(process.env, options), options));
    });
  addHoldCommands(program, {
    hold: async (options) => {
      const { hold } = await import('./hold.ts');
      done(await hold(await configFor(process.env, options), options));
    },
    release: async (options) => {
      const { release } = await import('./hold.ts');
      done(await release(await configFor(process.env, options), options));
    },
  });
  program
    .command('list')
    .description('list delegations, newest first, a page at a time')
    .addOption(optionOneOf('--status <status>', 'only those with this status', statuses))
    .option('--caller <id>', 'only those of this caller')
    .option('--callee <id>', 'only those of this callee')
    .option(
      '--older-than <duration>',
      'only those that were created longer ago than this, such as 30m or 2d',
      readBy(AGE),
    )
    .option(
      '--limit <rows>',
      `rows of a page: 1 to ${LIST_LIMIT_MAX}, ${LIST_LIMIT_DEFAULT} by default`,
      readBy(integer(1, LIST_LIMIT_MAX)),
    )
    .option('--after <cursor>', 'the page after this one, as the page before names it')
    .option('--json', 'print the page as one JSON object: { rows, next }')
    .addHelpText(
      'after',
      examples(
        'delegation-sweeper list --status stuck --older-than 1h',
        "delegation-sweeper list --callee coder --json | jq -r '.rows[].delegationId'",
      ),
    )
    .action(async (options) => {
      const { list } = await import('./list.ts');
      done(await list(await configFor(process.env, options), options));
    });
  program
    .command('explain')
    .description(
      'say why a delegation is as it is, how it is judged now, and what the next sweep does; exit 1 for an unknown id',
    )
    .argument('<delegation_id>', 'its id, as `list`, a log line or the page names it')
    .option('--previews', 'also show what agents wrote: the task, the result, and why it failed')
    .option('--json', 'print it as one JSON object')
    .addHelpText(
      'after',
      examples(
        'delegation-sweeper explain 0198c5c2-77a0-7cc1-b3f5-6d1c8c3ad9f1',
        "delegation-sweeper explain job-17 --json | jq -r '.why, .next'",
      ),
    )
    .action(async (delegationId: string, options) => {
      const { explain } = await import('./explain.ts');
      done(await explain(await configFor(process.env, options), delegationId, options));
    });
  program
    .command('advise')
    .description('say which threshold of silence the evidence of the last 30 days supports, per callee')
    .option('--callee <id>', 'only this callee; exit 1 when nothing is known of it')
    .option('--json', 'print it as one JSON object')
    .addHelpText(
      'after',
      examples(
        'delegation-sweeper advise --callee coder',
        "delegation-sweeper advise --json | jq '.callees[] | {calleeId, threshold}'",
      ),
    )
    .action(async (options) => {
      const { advise } = await import('./advise.ts');
      done(await advise(await configFor(process.env, options), options));
    });
  program
    .command('retry')
    .description('try again what failed or is stuck, by new delegations with the same task; each is tried again once')
    .argument('[delegation_ids...]', 'the delegations')
    .option('--sweep <sweep_id>', 'what this sweep marked')
    .option('--callee <callee_id>', 'what this callee left failed or stuck; with --since')
    .option('--since <duration>', 'in this time up to now, such as 2h; with --callee', readBy(AGE))
    .option('--dry-run', 'change nothing; name what would be tried again')
    .option('--yes', 'make more than ten new delegations without being asked')
    .option('--json', 'print the result as one JSON object')
    .addHelpText(
      'after',
      examples(
        'delegation-sweeper retry build-17 build-18',
        'delegation-sweeper retry --sweep 0198c5a2-... --dry-run',
        'delegation-sweeper retry --callee coder --since 2h --yes --json',
      ),
    )
    .action(async (ids: readonly string[], options) => {
      const { retry } = await import('./retry.ts');
      done(await retry(await configFor(process.env, options), ids, options));
    });
  addPruneCommand(program, async (options) => {
    const { prune } = await import('./prune.ts');
    done(await prune(await configFor(process.env, options), options));
  });
  addReconcileCommand(program, async (options) => {
    const { reconcile } = await import('./reconcile.ts');
    done(await reconcile(await configFor(process.env, options), options));
  });
  addWebhookCommand(program, async (action, ids, options) => {
    const { webhook } = await import('./webhook.ts');
    done(await webhook(await configFor(process.env, options), action, ids, options));
  });
  program
    .command('check')
    .description('check the configuration; starts nothing, connects to nothing')
    .option('--json', 'print it as one JSON object')
    .addHelpText('after', examples('delegation-sweeper check', 'STUCK_AFTER=5m delegation-sweeper check --json'))
    .action(async (options) => {
      const { check } = await import('./check.ts');
      done(await check(loadConfig(process.env), options));
    });
  program
    .command('completion')
    .description('print what completes commands, options and values in a shell')
    .addArgument(argumentOneOf('<shell>', 'the shell', shells))
    .option('--json', 'print it as one JSON object')
    .addHelpText(
      'after',
      examples('source <(delegation-sweeper completion bash)', 'source <(delegation-sweeper completion zsh)'),
    )
    .action(async (shell: Shell, options) => done(await completion(program, shell, options)));
  program
    .command('demo')
    .description('watch the main job on a live fleet of agents: some finish, some are killed')
    .option('--a2a', 'agents that speak A2A: real servers and a real client of its SDK')
    .option('--json', 'one JSON object per line, also on a terminal')
    .addHelpText('after', examples('delegation-sweeper demo', 'delegation-sweeper demo --a2a'))
    .action(async (options) => {
      const { demo } = await checkoutOnly(() => import('../demo/demo.ts'), {
        what: 'The demo',
        instead: 'run `npm ci && npm run demo` in a checkout.',
      });
      done(await demo(loadConfig(process.env), options));
    });
  addLedgerOptions(program);
  for (const command of program.commands) {
    command.showHelpAfterError(`What to do: see \`delegation-sweeper ${command.name()} --help\`.`);
  }
  return program;
}
