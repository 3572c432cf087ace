import { styleText } from 'node:util';
import type { Healing } from '../housekeeping/reconciliation/healing.ts';
import { healedOf, type ReconcileSummary } from '../housekeeping/reconciliation/reconcile-summary.ts';
import { visible } from '../log/visible.ts';
import { count } from '../ops/page/format.ts';

export interface ReconcileManner {
  readonly dryRun: boolean;
  readonly terminal: boolean;
}

/** One damage, in a line. */
export function healingWords(healing: Healing, { dryRun, terminal }: ReconcileManner): string {
  const styled = (style: 'green' | 'red' | 'yellow', text: string) =>
    terminal ? styleText(style, text, { stream: process.stdout }) : text;
  const id = visible(healing.delegationId);
  switch (healing.outcome) {
    case 'healed':
    case 'recorded':
      return `${id}  ${styled('green', dryRun ? 'would be healed' : 'healed')}: ${damageWords(healing)}`;
    case 'impossible':
      return `${id}  ${styled('red', 'cannot be healed')}: its row is missing, and no activity names its caller`;
    case 'locked':
      return `${id}  ${styled('yellow', 'left')}: another session keeps it locked; run it again`;
    case 'failed':
      return `${id}  ${styled('red', 'failed')}: ${visible(healing.err!.message)}`;
  }
}

function damageWords({ kind, outcome, from, to }: Healing): string {
  switch (kind) {
    case 'row_missing':
      return `its row was missing; it is ${to} by its activity`;
    case 'row_behind':
      return `its row was ${from}; by its activity it is ${to}`;
    case 'activity_missing':
      return from === null ? `it is ${to}, and had no activity` : `it is ${to}, and its activity ended with ${from}`;
    case 'ended_twice':
      return `it is ${from}; its activity also has the result ${to}, which is a late result now`;
    default:
      return outcome === 'healed'
        ? `it was ${from}; a result ${to} had come while there was no row`
        : `it is ${from}; a result ${to} had come while there was no row, and is a late result now`;
  }
}

/** The totals. */
export function reconcileWords(summary: ReconcileSummary, { dryRun }: Pick<ReconcileManner, 'dryRun'>): string {
  const { delegations, activities, impossible, locked, failed, interrupted } = summary;
  const others = [
    impossible > 0 && `${count(impossible)} cannot be healed`,
    locked > 0 && `${count(locked)} locked`,
    failed > 0 && `${count(failed)} failed`,
  ].filter((part) => part !== false);
  const sentence = `${dryRun ? 'Would heal' : 'Healed'} ${count(healedOf(summary))}`;
  return [
    `${[sentence, ...others].join('; ')}. Looked at ${count(delegations)} delegations and ${count(activities)} activities.`,
    ...(interrupted ? ['Interrupted: the rest was left. Run it again: what was healed is not healed twice.'] : []),
  ].join('\n');
}
