import { CommandError } from '../compose/command-error.ts';
import { type ExitCode, exitCode } from '../compose/exit-code.ts';
import { requireLedgerSchema } from '../compose/ledger-schema.ts';
import { connectionOf, openLocation } from '../compose/location.ts';
import type { Config } from '../config/config.ts';
import { openDatabase } from '../db/database.ts';
import { MICROS_PER_MS } from '../db/instant.ts';
import type { EventLog } from '../log/event-log.ts';
import { visible } from '../log/visible.ts';
import { count, duration } from '../ops/page/format.ts';
import type { CalleeSelection, Selection } from '../sweeper/retries/candidates.ts';
import { ManyRetries, type RetryRow } from '../sweeper/retries/many-retries.ts';
import { commandLog } from './command-log.ts';
import { isInteractive, requireAgreement } from './consent.ts';
import { onInterrupt } from './interrupt.ts';
import { lookedAt, noRetries, type RetryTotals, withRetries } from './retry-totals.ts';
import { retryRowWords, retryTotalWords } from './retry-words.ts';
import { RowPrinter } from './row-printer.ts';

export interface RetryCommandOptions {
  readonly sweep?: string;
  readonly callee?: string;
  /** In milliseconds. */
  readonly since?: number;
  readonly dryRun?: boolean;
  readonly yes?: boolean;
  readonly json?: boolean;
}

/** What the activity of the new delegations names. */
const ACTOR = 'operator';
/** Above this many somebody has to agree. */
const UNASKED_MAX = 10;
const PROGRESS_EVERY_MS = 5_000;

/**
 * Tries delegations again: those named, what a sweep marked, or what a callee left undone. An interrupt ends it between two
 * batches. Exits 1 where one that was named is unknown, open or completed, where the database refused one, or where nothing
 * is known of the sweep.
 */
export async function retry(config: Config, ids: readonly string[], options: RetryCommandOptions): Promise<ExitCode> {
  const wanted = wantedOf(ids, options);
  const { dryRun = false, yes = false, json = false } = options;
  const log = commandLog(config);
  await using place = await openLocation(config, log);
  await using handle = openDatabase({
    ...connectionOf(place, 1, 'delegation-sweeper retry'),
    schema: config.dbSchema,
  });
  await requireLedgerSchema(handle.db, config);
  const retries = new ManyRetries(handle.db);
  // Once: what is agreed to is what is done.
  const selection = wanted.by === 'callee' ? await retries.ofCallee(wanted.calleeId, wanted.sinceMs) : wanted;
  if (!dryRun && !yes) await requireConsent(retries, selection);
  // Only from here is there something to end in order: until now a signal ends the program at once.
  using interrupt = onInterrupt();
  const manner = { dryRun, terminal: process.stdout.isTTY === true };
  const printer = new RowPrinter<RetryRow>({
    dryRun,
    json,
    database: place.embeddedUrl === null ? null : place.name,
    words: (row) => retryRowWords(row, manner),
  });
  const totals = await run(retries, selection, { dryRun, printer, log, signal: interrupt.signal });
  return codeOf(selection, totals);
}

type Wanted =
  | Exclude<Selection, CalleeSelection>
  | { readonly by: 'callee'; readonly calleeId: string; readonly sinceMs: number };

/** @throws CommandError (64) unless exactly one way to select is given. */
function wantedOf(ids: readonly string[], { sweep, callee, since }: RetryCommandOptions): Wanted {
  const ways = [ids.length > 0, sweep !== undefined, callee !== undefined || since !== undefined];
  const usage = (problem: string) => new CommandError(exitCode.usage, `${problem} (see retry --help)`);
  if (ways.filter((given) => given).length !== 1) {
    throw usage('Name the delegations, or give --sweep, or --callee with --since: one of these');
  }
  if (ids.length > 0) return { by: 'ids', ids };
  if (sweep !== undefined) return { by: 'sweep', sweepId: sweep };
  if (callee === undefined || since === undefined) throw usage('--callee and --since go together');
  return { by: 'callee', calleeId: callee, sinceMs: since };
}

/** @throws CommandError without it: 1, or 130 after an interrupt. */
async function requireConsent(retries: ManyRetries, selection: Selection): Promise<void> {
  if (selection.by === 'ids' && selection.ids.length <= UNASKED_MAX) return;
  const interactive = isInteractive();
  let totals = noRetries;
  for await (const rows of retries.rehearse(selection)) {
    totals = withRetries(totals, rows);
    if (!interactive && totals.inserted > UNASKED_MAX) break;
  }
  if (totals.inserted <= UNASKED_MAX) return;
  if (!interactive) {
    throw new CommandError(
      exitCode.no,
      `Nothing was changed: this makes more than ${UNASKED_MAX} new delegations. Look at them with --dry-run, then add --yes.`,
    );
  }
  await requireAgreement(`This makes ${count(totals.inserted)} new delegations. Go on?`);
}

interface Running {
  readonly dryRun: boolean;
  readonly printer: RowPrinter<RetryRow>;
  readonly log: EventLog;
  readonly signal: AbortSignal;
}

/** The totals are printed also when the database fails on the way. */
async function run(retries: ManyRetries, selection: Selection, running: Running): Promise<RetryTotals> {
  const { dryRun, printer, log, signal } = running;
  let totals = noRetries;
  let saidAtMs = performance.now();
  const pages = dryRun ? retries.rehearse(selection) : retries.retry(selection, ACTOR);
  try {
    for (;;) {
      const page = signal.aborted ? null : await pages.next();
      if (page === null) totals = { ...totals, interrupted: true };
      if (page === null || page.done) break;
      totals = withRetries(totals, page.value);
      await printer.rows(page.value);
      if (performance.now() - saidAtMs < PROGRESS_EVERY_MS) continue;
      saidAtMs = performance.now();
      log.emit('retry.progress', { inserted: totals.inserted, others: lookedAt(totals) - totals.inserted });
    }
  } finally {
    const note = lookedAt(totals) === 0 ? nothingFound(selection) : null;
    await printer.end(totals, note ?? retryTotalWords(totals, { dryRun }));
  }
  return totals;
}

function nothingFound(selection: Selection): string | null {
  switch (selection.by) {
    case 'ids':
      return null;
    case 'sweep':
      return `No mark of the sweep ${visible(selection.sweepId)} is in the ledger: \`sweep.completed\` in the log names sweeps, and the activity of a delegation the one that marked it.`;
    case 'callee':
      return `Nothing of ${visible(selection.calleeId)} failed or got stuck in the last ${duration((selection.untilUs - selection.sinceUs) / MICROS_PER_MS)}.`;
  }
}

function codeOf(selection: Selection, totals: RetryTotals): ExitCode {
  if (totals.interrupted) return exitCode.interrupted;
  const isNo =
    totals.missing + totals.failed > 0 ||
    (selection.by === 'ids' && totals.refused > 0) ||
    (selection.by === 'sweep' && lookedAt(totals) === 0);
  return isNo ? exitCode.no : exitCode.done;
}
