import type { Command } from 'commander';
import type { ExitCode } from '../compose/exit-code.ts';
import { loadConfig } from '../config/load.ts';
import { examples } from './examples.ts';
import { reconcile } from './reconcile.ts';

export function addReconcileCommand(program: Command, done: (code: ExitCode) => void): void {
  program
    .command('reconcile')
    .description(
      'compare all delegations with their activity, and heal what was lost; exit 1 where it could not all be',
    )
    .option('--dry-run', 'change nothing; name what would be healed')
    .option('--json', 'print the result as one JSON object')
    .addHelpText(
      'after',
      `${examples('delegation-sweeper reconcile --dry-run', "delegation-sweeper reconcile --json | jq '.rows[]'")}
The daemon does the same every night. Statuses only go forward, and what cannot be healed is named once.`,
    )
    .action(async (options) => done(await reconcile(loadConfig(process.env), options)));
}
