import { styleText } from 'node:util';
import { visible } from '../log/visible.ts';
import { count } from '../ops/page/format.ts';
import type { RetryRow } from '../sweeper/retries/many-retries.ts';
import type { RetryTotals } from './retry-totals.ts';

export interface RetryManner {
  readonly dryRun: boolean;
  readonly terminal: boolean;
}

/** What came of one delegation, in a line. */
export function retryRowWords(row: RetryRow, { dryRun, terminal }: RetryManner): string {
  const styled = (style: 'green' | 'red' | 'yellow', text: string) =>
    terminal ? styleText(style, text, { stream: process.stdout }) : text;
  const { retryOf, outcome, delegationId, attempt, lateResult, err } = row;
  const id = visible(retryOf);
  switch (outcome) {
    case 'inserted': {
      const as = delegationId === null ? '' : ` as ${visible(delegationId)}`;
      const late = lateResult ? styled('yellow', '; a result of the old one came late, look at it') : '';
      return `${id}  ${styled('green', dryRun ? 'would be tried again' : 'tried again')}${as}, attempt ${attempt}${late}`;
    }
    case 'duplicate':
      return `${id}  was tried again before, as ${visible(delegationId!)}, attempt ${attempt}`;
    case 'refused':
      return `${id}  ${styled('yellow', 'refused')}: ${refusal(row)}`;
    case 'missing':
      return `${id}  ${styled('red', 'unknown')}: no delegation has this id`;
    case 'failed':
      return `${id}  ${styled('red', 'failed')}: ${visible(err!.message)}`;
  }
}

function refusal({ status, lateResult }: RetryRow): string {
  if (status === 'completed') return 'it is completed';
  return lateResult && (status === 'failed' || status === 'stuck')
    ? 'a result came late: look at it, and name the delegation by its id to try it again all the same'
    : `it is ${status}: only what failed or is stuck is tried again`;
}

/** What came of all of them. */
export function retryTotalWords(totals: RetryTotals, { dryRun }: Pick<RetryManner, 'dryRun'>): string {
  const { inserted, duplicate, refused, missing, failed, interrupted } = totals;
  const others = [
    duplicate > 0 && `${count(duplicate)} ${duplicate === 1 ? 'was' : 'were'} before`,
    refused > 0 && `${count(refused)} refused`,
    missing > 0 && `${count(missing)} unknown`,
    failed > 0 && `${count(failed)} failed`,
  ].filter((part) => part !== false);
  const sentence = `${dryRun ? 'Would try again' : 'Tried again'} ${count(inserted)}`;
  return [
    `${[sentence, ...others].join('; ')}.`,
    ...(interrupted ? ['Interrupted: the rest was left. Run it again: what was tried again is not tried twice.'] : []),
  ].join('\n');
}
