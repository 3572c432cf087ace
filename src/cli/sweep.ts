import { agentProbe } from '../compose/agent-probe.ts';
import { type ExitCode, exitCode } from '../compose/exit-code.ts';
import { requireLedgerSchema } from '../compose/ledger-schema.ts';
import { connectionOf, openLocation } from '../compose/location.ts';
import { oneShotThreshold, requireJudgeable } from '../compose/one-shot.ts';
import { sweeperOptions } from '../compose/sweeper-options.ts';
import type { Config } from '../config/config.ts';
import { openDatabase } from '../db/database.ts';
import { visible } from '../log/visible.ts';
import { Sweeper } from '../sweeper/sweeper.ts';
import { printAnswer } from './answer.ts';
import { commandLog } from './command-log.ts';
import { onInterrupt } from './interrupt.ts';
import { sweepWords } from './sweep-words.ts';

export interface SweepCommandOptions {
  readonly dryRun?: boolean;
  readonly force?: boolean;
  readonly json?: boolean;
  /** In milliseconds: the threshold, instead of the one that the daemons have agreed on. */
  readonly stuckAfter?: number;
}

/** One sweep. It uses the gaps that daemons recorded and records none. An interrupt ends it between two batches. */
export async function sweep(config: Config, options: SweepCommandOptions): Promise<ExitCode> {
  const { dryRun = false, force = false, json = false, stuckAfter } = options;
  using interrupt = onInterrupt();
  const log = commandLog(config);
  await using place = await openLocation(config, log);
  await using handle = openDatabase({
    ...connectionOf(place, 2, 'delegation-sweeper sweep'),
    schema: config.dbSchema,
  });
  await requireLedgerSchema(handle.db, config);
  await requireJudgeable(handle.db, { writes: !dryRun });
  const threshold = await oneShotThreshold(handle.db, config, stuckAfter);
  const sweeper = new Sweeper(handle.db, log, { ...sweeperOptions(config, await agentProbe(config)), ...threshold });
  const summary = dryRun
    ? await sweeper.dryRun({ force })
    : await sweeper.sweep({ trigger: 'manual', force, signal: interrupt.signal });
  // The embedded database was not named by the user, so the answer names it.
  const database = place.embeddedUrl === null ? null : place.name;
  await printAnswer(
    json
      ? `${JSON.stringify(database === null ? summary : { ...summary, database })}\n`
      : `${sweepWords(summary, { terminal: process.stdout.isTTY === true })}\n${database === null ? '' : `Database: ${visible(database)}.\n`}`,
  );
  return exitCode.done;
}
