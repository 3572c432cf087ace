import { styleText } from 'node:util';
import type { Result } from './verdict.ts';

const heads = ['agent', 'what happened', 'what the ledger says', ''] as const;

/** Each agent, what happened to it, what the ledger says, and whether that is as it should be. */
export function closingTable(results: readonly Result[]): string {
  const rows = results.map((result) => [
    result.agent,
    result.happened,
    verdict(result),
    result.asExpected ? 'ok' : 'WRONG',
  ]);
  const widths = heads.map((head, column) => Math.max(head.length, ...rows.map((row) => row[column]!.length)));
  const line = (cells: readonly string[]) => cells.map((cell, column) => cell.padEnd(widths[column]!)).join('  ');
  return [
    styled('bold', line(heads).trimEnd()),
    styled('dim', line(widths.map((width) => '-'.repeat(width)))),
    ...rows.map((row, index) => styled(results[index]!.asExpected ? 'green' : 'red', line(row).trimEnd())),
    ...results.flatMap(({ agent, problems }) => problems.map((problem) => styled('red', `${agent}: ${problem}`))),
  ].join('\n');
}

function verdict({ status, errorDetail, attempt, lateResult }: Result): string {
  const words = [
    `${status ?? 'nothing'}${errorDetail === null ? '' : `: ${errorDetail}`}`,
    attempt > 1 && `attempt ${attempt}`,
    lateResult && 'result kept',
  ];
  return words.filter((word) => word !== false).join(', ');
}

function styled(style: 'bold' | 'dim' | 'green' | 'red', text: string): string {
  return styleText(style, text, { stream: process.stdout });
}
