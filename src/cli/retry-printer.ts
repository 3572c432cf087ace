import { visible } from '../log/visible.ts';
import type { RetryRow } from '../sweeper/retries/many-retries.ts';
import { printAnswer } from './answer.ts';
import type { RetryTotals } from './retry-totals.ts';
import { retryRowWords, retryTotalWords } from './retry-words.ts';

export interface RetryPrinterOptions {
  readonly dryRun: boolean;
  readonly json: boolean;
  /** The database in words, where the user did not name it. */
  readonly database: string | null;
}

/** Prints the answer as it comes, in lines, or as one JSON object: a sweep may have marked a hundred thousand. */
export class RetryPrinter {
  readonly #options: RetryPrinterOptions;
  readonly #terminal = process.stdout.isTTY === true;
  #hasBegun = false;

  constructor(options: RetryPrinterOptions) {
    this.#options = options;
  }

  async rows(rows: readonly RetryRow[]): Promise<void> {
    const { dryRun, json } = this.#options;
    const manner = { dryRun, terminal: this.#terminal };
    if (!json) return printAnswer(rows.map((row) => `${retryRowWords(row, manner)}\n`).join(''));
    const start = this.#hasBegun ? ',' : this.#opening();
    this.#hasBegun = true;
    return printAnswer(`${start}${rows.map((row) => JSON.stringify(row)).join(',')}`);
  }

  /** `note`: what to know where nothing was found. */
  async end(totals: RetryTotals, note: string | null): Promise<void> {
    const { dryRun, json, database } = this.#options;
    if (json) {
      const rest = JSON.stringify(database === null ? totals : { ...totals, database });
      return printAnswer(`${this.#hasBegun ? '' : this.#opening()}],${rest.slice(1)}\n`);
    }
    const name = database === null ? '' : `Database: ${visible(database)}.\n`;
    return printAnswer(`${note ?? retryTotalWords(totals, { dryRun })}\n${name}`);
  }

  #opening(): string {
    return `{"dryRun":${this.#options.dryRun},"rows":[`;
  }
}
