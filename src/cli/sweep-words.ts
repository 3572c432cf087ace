import { styleText } from 'node:util';
import { visible } from '../log/visible.ts';
import { duration } from '../ops/page/format.ts';
import type { PlannedRow, SweepSummary } from '../sweeper/summary.ts';

/** What a sweep did, or would do: one line per row, and a summary. On a terminal in columns, with colours. */
export function sweepWords(summary: SweepSummary, { terminal }: { readonly terminal: boolean }): string {
  const { stuck, failed, retried, poisoned, remaining, truncated, heldBy, batches, durationMs, unobservedMs, dryRun } =
    summary;
  const notes = [
    heldBy === 'storm' &&
      'The storm guard holds the rules stale and stalled: too many went silent at once (--force ignores it for one sweep).',
    heldBy === 'operator' &&
      'An operator holds the rules stale and stalled: `status` says who and why (`release` ends it, --force ignores it for one sweep).',
    truncated && 'Not all rows were processed: run it again, or raise SWEEP_MAX_ROWS or A2A_PROBE_MAX.',
    retried > 0 &&
      `${retried} of the stuck ${dryRun ? 'would be' : 'were'} tried again by new delegations (RETRY_MAX_ATTEMPTS).`,
    poisoned > 0 && `${poisoned} could not be updated; the log says why.`,
    unobservedMs > 0 && `${duration(unobservedMs)} that no daemon observed did not count as silence.`,
  ];
  return [
    ...rowWords(summary.rows, terminal),
    `${dryRun ? 'Would mark' : 'Marked'} ${stuck} stuck and ${failed} failed, in ${batches} ${batches === 1 ? 'batch' : 'batches'} and ${durationMs} ms; ${remaining} remain.`,
    ...notes.filter((note) => note !== false),
  ].join('\n');
}

/** A longer id is not aligned. */
const ID_WIDTH_MAX = 60;

function rowWords(rows: readonly PlannedRow[], terminal: boolean): string[] {
  const ids = rows.map(({ delegationId }) => visible(delegationId));
  const width = terminal ? ids.reduce((widest, { length }) => Math.max(widest, Math.min(length, ID_WIDTH_MAX)), 0) : 0;
  return rows.map((row, i) => `${ids[i]!.padEnd(width)}  ${verdictWords(row, terminal)}`);
}

function verdictWords(row: PlannedRow, terminal: boolean): string {
  const status = (text: string) => (terminal ? styleText('red', text, { stream: process.stdout }) : text);
  switch (row.rule) {
    case 'overdue':
      return `${status('failed')}: deadline exceeded by ${duration(row.overdueMs)}`;
    case 'stale':
      return `${status('stuck')}: silent for ${duration(row.silentMs)}${alsoWords(row)}`;
    case 'stalled':
      return `${status('stuck')}: no progress for ${duration(row.silentMs)}${alsoWords(row)}`;
  }
}

function alsoWords({ asked, retried }: Extract<PlannedRow, { silentMs: number }>): string {
  const again = retried ? ', then tried again' : '';
  return asked ? `${again}, unless its agent, which is asked first, says otherwise` : again;
}
