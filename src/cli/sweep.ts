import { type ExitCode, exitCode } from '../compose/exit-code.ts';
import { requireLedgerSchema } from '../compose/ledger-schema.ts';
import { connectionOf, openLocation } from '../compose/location.ts';
import { oneShotThreshold, requireJudgeable } from '../compose/one-shot.ts';
import { sweeperOptions } from '../compose/sweeper-options.ts';
import type { Config } from '../config/config.ts';
import { openDatabase } from '../db/database.ts';
import { onShutdownSignal } from '../lifecycle/signals.ts';
import { visible } from '../log/visible.ts';
import { duration } from '../ops/page/format.ts';
import type { PlannedRow, SweepSummary } from '../sweeper/summary.ts';
import { Sweeper } from '../sweeper/sweeper.ts';
import { printAnswer } from './answer.ts';
import { commandLog } from './command-log.ts';

export interface SweepCommandOptions {
  readonly dryRun?: boolean;
  readonly force?: boolean;
  readonly json?: boolean;
  /** In milliseconds: judge by this instead of the threshold that the daemons have agreed on. */
  readonly stuckAfter?: number;
}

/** One sweep, with the daemons' gaps in mind, making none. An interrupt ends it between two batches. */
export async function sweep(config: Config, options: SweepCommandOptions): Promise<ExitCode> {
  const { dryRun = false, force = false, json = false, stuckAfter } = options;
  using shutdown = onShutdownSignal();
  const interrupt = new AbortController();
  void shutdown.requested.then((signal) => interrupt.abort(signal));
  const log = commandLog(config);
  await using place = await openLocation(config, log);
  await using handle = openDatabase({
    ...connectionOf(place, 2, 'delegation-sweeper sweep'),
    schema: config.dbSchema,
  });
  await requireLedgerSchema(handle.db, config);
  await requireJudgeable(handle.db, { writes: !dryRun });
  const threshold = await oneShotThreshold(handle.db, config, stuckAfter);
  const sweeper = new Sweeper(handle.db, log, { ...sweeperOptions(config), ...threshold });
  const summary = dryRun
    ? await sweeper.dryRun({ force })
    : await sweeper.sweep({ trigger: 'manual', force, signal: interrupt.signal });
  // Where it was not named, which database was swept is news.
  const database = place.embeddedUrl === null ? null : place.name;
  await printAnswer(
    json
      ? `${JSON.stringify(database === null ? summary : { ...summary, database })}\n`
      : `${describe(summary)}\n${database === null ? '' : `Database: ${visible(database)}.\n`}`,
  );
  return exitCode.done;
}

function describe(summary: SweepSummary): string {
  const { stuck, failed, poisoned, remaining, truncated, held, batches, durationMs, unobservedMs, dryRun } = summary;
  const notes = [
    held && 'The storm guard holds the stale rule: too many went silent at once (--force lets go for one sweep).',
    truncated && 'Not all were taken: run it again, or raise SWEEP_MAX_ROWS.',
    poisoned > 0 && `${poisoned} could not be updated; the log says why.`,
    unobservedMs > 0 && `${duration(unobservedMs)} that no daemon observed did not count as silence.`,
  ];
  return [
    ...summary.rows.map(describeRow),
    `${dryRun ? 'Would mark' : 'Marked'} ${stuck} stuck and ${failed} failed, in ${batches} ${batches === 1 ? 'batch' : 'batches'} and ${durationMs} ms; ${remaining} remain.`,
    ...notes.filter((note) => note !== false),
  ].join('\n');
}

function describeRow(row: PlannedRow): string {
  return row.rule === 'stale'
    ? `${visible(row.delegationId)}  stuck: silent for ${duration(row.silentMs)}`
    : `${visible(row.delegationId)}  failed: deadline exceeded by ${duration(row.overdueMs)}`;
}
