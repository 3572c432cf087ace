import type { Command } from 'commander';
import { examples } from './examples.ts';
import type { PruneCommandOptions } from './prune.ts';

export function addPruneCommand(program: Command, run: (options: PruneCommandOptions) => Promise<void>): void {
  program
    .command('prune')
    .description('remove what has ended for longer than RETENTION_DELEGATIONS and RETENTION_ACTIVITY keep it')
    .option('--dry-run', 'change nothing; count what would be removed')
    .option('--yes', 'remove it without being asked')
    .option('--json', 'print the result as one JSON object')
    .addHelpText(
      'after',
      `${examples('RETENTION_DELEGATIONS=90d delegation-sweeper prune --dry-run', 'delegation-sweeper prune --yes --json')}
The daemon does the same every hour where one of the two is set. An open delegation stays, with its activity.`,
    )
    .action(run);
}
