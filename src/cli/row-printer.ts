import { visible } from '../log/visible.ts';
import { printAnswer } from './answer.ts';

export interface RowPrinterOptions<Row> {
  readonly dryRun: boolean;
  readonly json: boolean;
  /** The database in words, where the user did not name it. */
  readonly database: string | null;
  /** A row in a line. */
  readonly words: (row: Row) => string;
}

/** Prints the answer as it comes, in lines, or as one JSON object: it may have a hundred thousand rows. */
export class RowPrinter<Row> {
  readonly #options: RowPrinterOptions<Row>;
  #hasBegun = false;

  constructor(options: RowPrinterOptions<Row>) {
    this.#options = options;
  }

  async rows(rows: readonly Row[]): Promise<void> {
    const { json, words } = this.#options;
    if (!json) return printAnswer(rows.map((row) => `${words(row)}\n`).join(''));
    const start = this.#hasBegun ? ',' : this.#opening();
    this.#hasBegun = true;
    return printAnswer(`${start}${rows.map((row) => JSON.stringify(row)).join(',')}`);
  }

  /** `words`: the totals. */
  async end(totals: object, words: string): Promise<void> {
    const { json, database } = this.#options;
    if (json) {
      const rest = JSON.stringify(database === null ? totals : { ...totals, database });
      return printAnswer(`${this.#hasBegun ? '' : this.#opening()}],${rest.slice(1)}\n`);
    }
    const name = database === null ? '' : `Database: ${visible(database)}.\n`;
    return printAnswer(`${words}\n${name}`);
  }

  #opening(): string {
    return `{"dryRun":${this.#options.dryRun},"rows":[`;
  }
}
