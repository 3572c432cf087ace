import { type ExitCode, exitCode } from '../compose/exit-code.ts';
import { requireLedgerSchema } from '../compose/ledger-schema.ts';
import { connectionOf, openLocation } from '../compose/location.ts';
import type { Config } from '../config/config.ts';
import { openDatabase } from '../db/database.ts';
import type { Healing } from '../housekeeping/reconciliation/healing.ts';
import { nothingReconciled, type ReconcileSummary } from '../housekeeping/reconciliation/reconcile-summary.ts';
import { Reconciliation } from '../housekeeping/reconciliation/reconciliation.ts';
import { commandLog } from './command-log.ts';
import { onInterrupt } from './interrupt.ts';
import { healingWords, reconcileWords } from './reconcile-words.ts';
import { RowPrinter } from './row-printer.ts';

export interface ReconcileCommandOptions {
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

/**
 * Compares all delegations with their activity, and heals what disagrees. An interrupt ends it between two batches. Exits 1
 * where something could not be healed.
 */
export async function reconcile(config: Config, options: ReconcileCommandOptions): Promise<ExitCode> {
  const { dryRun = false, json = false } = options;
  const log = commandLog(config);
  await using place = await openLocation(config, log);
  await using handle = openDatabase({
    ...connectionOf(place, 1, 'delegation-sweeper reconcile'),
    schema: config.dbSchema,
  });
  await requireLedgerSchema(handle.db, config);
  using interrupt = onInterrupt();
  const manner = { dryRun, terminal: process.stdout.isTTY === true };
  const printer = new RowPrinter<Healing>({
    dryRun,
    json,
    database: place.embeddedUrl === null ? null : place.name,
    words: (healing) => healingWords(healing, manner),
  });
  let summary: ReconcileSummary = { ...nothingReconciled, interrupted: true };
  try {
    summary = await new Reconciliation(handle.db, log).run({
      trigger: 'manual',
      dryRun,
      signal: interrupt.signal,
      onHealings: (healings) => printer.rows(healings),
    });
  } finally {
    await printer.end(summary, reconcileWords(summary, manner));
  }
  if (summary.interrupted) return exitCode.interrupted;
  return summary.impossible + summary.locked + summary.failed > 0 ? exitCode.no : exitCode.done;
}
