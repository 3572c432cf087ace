import { type Command, InvalidArgumentError } from 'commander';
import { duration, durationText } from '../config/duration.ts';
import { HOLD_MAX_MS, HOLD_MIN_MS, harmlessNote } from '../sweeper/hold/hold-request.ts';
import { examples } from './examples.ts';
import type { HoldOptions, ReleaseOptions } from './hold.ts';
import { readBy } from './read-by.ts';

const holdDuration = duration(durationText(HOLD_MIN_MS), durationText(HOLD_MAX_MS));

export interface HoldRuns {
  readonly hold: (options: HoldOptions) => Promise<void>;
  readonly release: (options: ReleaseOptions) => Promise<void>;
}

export function addHoldCommands(program: Command, run: HoldRuns): void {
  program
    .command('hold')
    .description('mark no delegation stuck for a while: no rule that infers silence is applied, deadlines go on')
    .requiredOption('--for <duration>', `until it ends by itself: ${holdDuration.accepted}`, readBy(holdDuration))
    .requiredOption(
      '--reason <text>',
      'why, in 1 to 200 characters: shown in the log, on the page and in status',
      noteOf,
    )
    .option('--by <name>', 'who holds; default: the user of the operating system', noteOf)
    .option('--json', 'print the answer as one JSON object')
    .addHelpText(
      'after',
      `${examples("delegation-sweeper hold --for 1h --reason 'network maintenance in zone b'")}
A hold that is in force is replaced, and the answer names it. \`release\` ends a hold, \`status\` shows it.`,
    )
    .action(run.hold);
  program
    .command('release')
    .description("end an operator's hold; exit 1 when there is none")
    .option('--by <name>', 'who releases; default: the user of the operating system', noteOf)
    .option('--json', 'print the answer as one JSON object')
    .addHelpText('after', examples('delegation-sweeper release', 'delegation-sweeper release --json'))
    .action(run.release);
}

/** A reason or a name, with what a terminal would interpret made visible. */
function noteOf(text: string): string {
  try {
    return harmlessNote('it', text);
  } catch (err) {
    throw new InvalidArgumentError((err as Error).message);
  }
}
