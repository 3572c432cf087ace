import type { Command } from 'commander';
import { examples } from './examples.ts';

export function addLedgersCommand(program: Command, run: (options: { json?: boolean }) => Promise<void>): void {
  program
    .command('ledgers')
    .description('list the ledgers that DB_SCHEMAS names, and whether each is swept; exit 1 when one is not')
    .option('--json', 'print them as one JSON object: { ledgers }')
    .addHelpText(
      'after',
      examples(
        'delegation-sweeper ledgers',
        "delegation-sweeper ledgers --json | jq '.ledgers[] | select(.ready | not)'",
      ),
    )
    .action(run);
}
