import { appendFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { ChaosReport } from './report.ts';

interface Entry {
  /** The place of the fleet in its night, from 0. */
  readonly nr: number;
  readonly report: ChaosReport;
}

/** What the fleets of a night have reported, a line each, written when they report: the same night can go on after its end. */
export class NightRecord {
  readonly #file: string;
  readonly #entries: Map<number, ChaosReport>;

  private constructor(file: string, entries: readonly Entry[]) {
    this.#file = file;
    this.#entries = new Map(entries.map(({ nr, report }) => [nr, report]));
  }

  /** With what is in the file, if there is one. */
  static async open(file: string): Promise<NightRecord> {
    await mkdir(path.dirname(path.resolve(file)), { recursive: true });
    const text = await readFile(file, 'utf8').catch((err: NodeJS.ErrnoException) => {
      if (err.code === 'ENOENT') return '';
      throw err;
    });
    const lines = text.split('\n');
    // A line that a kill cut off has no end: the next one must not be written behind it.
    if (lines.pop() !== '') await writeFile(file, lines.map((line) => `${line}\n`).join(''));
    return new NightRecord(
      file,
      lines.map((line) => JSON.parse(line) as Entry),
    );
  }

  get reports(): ChaosReport[] {
    return [...this.#entries.values()];
  }

  get injected(): number {
    return this.reports.reduce((sum, { total }) => sum + total.injected, 0);
  }

  has(nr: number): boolean {
    return this.#entries.has(nr);
  }

  async add(nr: number, report: ChaosReport): Promise<void> {
    this.#entries.set(nr, report);
    await appendFile(this.#file, `${JSON.stringify({ nr, report } satisfies Entry)}\n`);
  }
}
