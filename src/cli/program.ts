import { Argument, Command, CommanderError, InvalidArgumentError } from 'commander';
import { type ExitCode, exitCode } from '../compose/exit-code.ts';
import { version } from '../compose/version.ts';
import { keys } from '../config/keys.ts';
import { loadConfig } from '../config/load.ts';
import { demo } from '../demo/demo.ts';
import { check } from './check.ts';
import { failureOf } from './failure.ts';
import { type MigrateAction, migrate, migrateActions } from './migrate.ts';
import { start } from './start.ts';
import { status } from './status.ts';
import { sweep } from './sweep.ts';

const codes = `
Exit codes: 0 done, 1 the answer is no, 64 usage, 69 database unavailable, 70 internal error, 78 configuration, 130 interrupted (demo).
Configuration comes from the environment (docs/configuration.md); \`check\` tells what it amounts to.`;

/** Runs one command. stdout has the answer, stderr what went wrong; the daemon logs to stdout. */
export async function run(args: readonly string[]): Promise<ExitCode> {
  let code: ExitCode = exitCode.done;
  const program = programOf((result) => {
    code = result;
  });
  try {
    await program.parseAsync(args, { from: 'user' });
    return code;
  } catch (err) {
    // commander has said what was wrong; help and version come as such an error too, with exit code 0.
    if (err instanceof CommanderError) return err.exitCode === 0 ? exitCode.done : exitCode.usage;
    const failure = failureOf(err);
    process.stderr.write(`${failure.message}\n`);
    return failure.exitCode;
  }
}

function programOf(done: (code: ExitCode) => void): Command {
  const program = new Command('delegation-sweeper')
    .description('Finds the delegations whose agent has gone silent, and moves them to stuck.')
    .version(version)
    .exitOverride()
    .showHelpAfterError('(--help tells more)')
    .addHelpText('after', codes);
  program
    .command('start')
    .description('run the daemon: sweep at start, then on every tick of SWEEP_CRON')
    .action(async () => done(await start(loadConfig(process.env))));
  program
    .command('sweep')
    .description('sweep once, now')
    .option('--dry-run', 'change nothing; name every row that would change, with the reason')
    .option('--force', 'let go of a storm guard hold for this one sweep')
    .option(
      '--stuck-after <duration>',
      'judge by this threshold, such as 10m, and not by the one that the daemons have agreed on',
      thresholdOf,
    )
    .option('--json', 'print the summary as one JSON object')
    .action(async (options) => done(await sweep(loadConfig(process.env), options)));
  program
    .command('migrate')
    .description("install the ledger's and pg-boss's schemas, bring them up to date, or take the ledger's back")
    .addArgument(new Argument('[action]', 'what to do').choices(migrateActions).default('up'))
    .option('--json', 'print the result as one JSON object')
    .action(async (action: MigrateAction, options) => done(await migrate(loadConfig(process.env), action, options)));
  program
    .command('status')
    .description('tell how it goes: sweeps, storm, open delegations, false positives')
    .option('--json', 'print it as one JSON object')
    .action(async (options) => done(await status(loadConfig(process.env), options)));
  program
    .command('check')
    .description('check the configuration; starts nothing, connects to nothing')
    .option('--json', 'print it as one JSON object')
    .action((options) => done(check(loadConfig(process.env), options)));
  program
    .command('demo')
    .description('watch the main job on a live fleet of agents: some finish, some are killed')
    .action(async () => done(await demo(loadConfig(process.env))));
  return program;
}

/** Milliseconds, within the bounds of STUCK_AFTER. */
function thresholdOf(text: string): number {
  const read = keys.stuckAfterMs.schema.safeParse(text);
  if (!read.success) throw new InvalidArgumentError(read.error.issues[0]!.message);
  return read.data;
}
