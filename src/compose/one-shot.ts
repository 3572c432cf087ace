import type { Config } from '../config/config.ts';
import { durationText } from '../config/duration.ts';
import type { LedgerDb } from '../db/schema.ts';
import { readRefusal } from '../sweeper/observed-time/refusal.ts';
import { readInForce } from '../sweeper/threshold/in-force.ts';
import type { ThresholdOptions } from '../sweeper/threshold/staleness.ts';
import { CommandError } from './command-error.ts';
import { exitCode } from './exit-code.ts';

/**
 * The threshold of a one-shot sweep: the one that the daemons have agreed on, by which the agents pace themselves.
 * `stuckAfterMs`: the command line's, which overrides it.
 * @throws CommandError when the environment's differs, or the database's error.
 */
export async function oneShotThreshold(
  db: LedgerDb,
  config: Pick<Config, 'stuckAfterMs' | 'stuckAfterIsSet'>,
  stuckAfterMs: number | undefined,
): Promise<ThresholdOptions> {
  if (stuckAfterMs !== undefined) return { stuckAfterMs, stuckAfterOverrides: true };
  const inForceMs = await readInForce(db);
  if (inForceMs === null) return { stuckAfterMs: config.stuckAfterMs };
  if (config.stuckAfterIsSet && config.stuckAfterMs !== inForceMs) {
    const [own, theirs] = [durationText(config.stuckAfterMs), durationText(inForceMs)];
    throw new CommandError(
      exitCode.configuration,
      `STUCK_AFTER is ${own} here, and the daemons of this ledger judge by ${theirs}, by which agents pace themselves: unset STUCK_AFTER to judge by ${theirs}, or add --stuck-after ${own} to judge by ${own} all the same`,
    );
  }
  return { stuckAfterMs: inForceMs };
}

/** `writes`: false for a dry run, which a standby can answer as well. @throws CommandError where silence cannot be judged, or the database's error. */
export async function requireJudgeable(db: LedgerDb, { writes }: { readonly writes: boolean }): Promise<void> {
  const refusal = await readRefusal(db);
  const isReadable = refusal === null || refusal.reason === 'standby' || refusal.reason === 'read_only';
  if (refusal === null || (isReadable && !writes)) return;
  throw new CommandError(exitCode.configuration, `No delegation can be marked here: ${refusal.remedy}`);
}
