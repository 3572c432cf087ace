import type { Command } from 'commander';
import { examples } from './examples.ts';
import type { ReconcileCommandOptions } from './reconcile.ts';

export function addReconcileCommand(program: Command, run: (options: ReconcileCommandOptions) => Promise<void>): void {
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
    .action(run);
}
