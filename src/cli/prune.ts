import { CommandError } from '../compose/command-error.ts';
import { type ExitCode, exitCode } from '../compose/exit-code.ts';
import { requireLedgerSchema } from '../compose/ledger-schema.ts';
import { connectionOf, openLocation } from '../compose/location.ts';
import { retentionPeriods } from '../compose/retention-periods.ts';
import type { Config } from '../config/config.ts';
import { openDatabase } from '../db/database.ts';
import { type Cutoffs, isRetentionOn, type RetentionPeriods } from '../housekeeping/retention/cutoffs.ts';
import type { PruneSummary } from '../housekeeping/retention/prune-summary.ts';
import { type PruneRequest, Pruner } from '../housekeeping/retention/pruner.ts';
import type { EventLog } from '../log/event-log.ts';
import { visible } from '../log/visible.ts';
import { printAnswer } from './answer.ts';
import { commandLog } from './command-log.ts';
import { isInteractive, requireAgreement } from './consent.ts';
import { onInterrupt } from './interrupt.ts';
import { pruneQuestion, pruneWords } from './prune-words.ts';

export interface PruneCommandOptions {
  readonly dryRun?: boolean;
  readonly yes?: boolean;
  readonly json?: boolean;
}

const PROGRESS_EVERY_MS = 5_000;

/**
 * Removes what the retention no longer keeps. It counts it before it asks. An interrupt ends it between two batches. Exits 1
 * where the database refused to remove some of it, or nobody agreed.
 */
export async function prune(config: Config, options: PruneCommandOptions): Promise<ExitCode> {
  const { dryRun = false, yes = false, json = false } = options;
  const periods = requireRetention(retentionPeriods(config));
  const log = commandLog(config);
  await using place = await openLocation(config, log);
  await using handle = openDatabase({
    ...connectionOf(place, 1, 'delegation-sweeper prune'),
    schema: config.dbSchema,
  });
  await requireLedgerSchema(handle.db, config);
  const pruner = new Pruner(handle.db, log);
  // Once: what is counted and agreed to is what goes.
  const cutoffs = await pruner.cutoffs(periods);
  if (!dryRun && !yes) await requireConsent(pruner, cutoffs, log);
  using interrupt = onInterrupt();
  const about = { trigger: 'manual', signal: interrupt.signal, onProgress: progressOf(log) } as const;
  const summary = await (dryRun ? pruner.count(cutoffs, about) : pruner.prune(cutoffs, about));
  await print(summary, json, place.embeddedUrl === null ? null : place.name);
  return codeOf(summary);
}

/** @throws CommandError (78) without one. */
function requireRetention(periods: RetentionPeriods): RetentionPeriods {
  if (isRetentionOn(periods)) return periods;
  throw new CommandError(
    exitCode.configuration,
    `Nothing is ever removed here: RETENTION_DELEGATIONS and RETENTION_ACTIVITY are off.
What to do: set one of them, such as RETENTION_DELEGATIONS=90d, and look first with --dry-run.`,
  );
}

/** @throws CommandError without it: 1, or 130 after an interrupt. */
async function requireConsent(pruner: Pruner, cutoffs: Cutoffs, log: EventLog): Promise<void> {
  if (!isInteractive()) {
    throw new CommandError(
      exitCode.no,
      'Nothing was changed: what is removed does not come back. Look at it with --dry-run, then add --yes.',
    );
  }
  const signal = new AbortController().signal;
  const due = await pruner.count(cutoffs, { signal, onProgress: progressOf(log) });
  if (due.delegations + due.activity > 0) await requireAgreement(pruneQuestion(due));
}

function progressOf(log: EventLog): NonNullable<PruneRequest['onProgress']> {
  let saidAtMs = performance.now();
  return ({ delegations, activity }) => {
    if (performance.now() - saidAtMs < PROGRESS_EVERY_MS) return;
    saidAtMs = performance.now();
    log.emit('prune.progress', { delegations, activity });
  };
}

function print(summary: PruneSummary, json: boolean, database: string | null): Promise<void> {
  if (json) return printAnswer(`${JSON.stringify(database === null ? summary : { ...summary, database })}\n`);
  return printAnswer(`${pruneWords(summary)}\n${database === null ? '' : `Database: ${visible(database)}.\n`}`);
}

function codeOf({ interrupted, refused }: PruneSummary): ExitCode {
  if (refused > 0) return exitCode.no;
  return interrupted ? exitCode.interrupted : exitCode.done;
}
