import { tail } from './command.ts';

interface Outcome {
  readonly part: string;
  readonly name: string;
  readonly problem: string | null;
  readonly durationMs: number;
}

/** What was checked, with the results. A check that could not run counts as failed. */
export class Report {
  readonly #outcomes: Outcome[] = [];
  readonly #write: (text: string) => void;

  constructor(write: (text: string) => void) {
    this.#write = write;
  }

  /** Runs one check. Its error is its finding; the others go on. Returns what it returned, undefined when it failed. */
  async check<T>(part: string, name: string, work: () => Promise<T> | T): Promise<T | undefined> {
    const startedAtMs = performance.now();
    const done = (problem: string | null) => {
      const durationMs = Math.round(performance.now() - startedAtMs);
      this.#outcomes.push({ part, name, problem, durationMs });
      this.#write(`${problem === null ? 'ok    ' : 'FAILED'} ${part}: ${name} (${(durationMs / 1000).toFixed(1)} s)\n`);
      if (problem !== null) this.#write(`       ${problem.replaceAll('\n', '\n       ')}\n`);
    };
    try {
      const result = await work();
      done(null);
      return result;
    } catch (err) {
      done(tail(err instanceof Error ? (err.stack ?? err.message) : String(err)));
      return undefined;
    }
  }

  get failed(): number {
    return this.#outcomes.filter(({ problem }) => problem !== null).length;
  }

  /** A table of the parts, with only the counts on the last line. */
  summary(): string {
    const parts = [...new Set(this.#outcomes.map(({ part }) => part))];
    const rows = parts.map((part) => {
      const of = this.#outcomes.filter((outcome) => outcome.part === part);
      const failed = of.filter(({ problem }) => problem !== null).length;
      const seconds = of.reduce((sum, { durationMs }) => sum + durationMs, 0) / 1000;
      return [part, String(of.length - failed), String(failed), seconds.toFixed(1)];
    });
    const table = [['part', 'passed', 'failed', 'seconds'], ...rows];
    const widths = table[0]!.map((_, column) => Math.max(...table.map((row) => row[column]!.length)));
    const lines = table.map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column]!))
        .join('  ')
        .trimEnd(),
    );
    return [...lines, `${this.#outcomes.length - this.failed} passed, ${this.failed} failed`, ''].join('\n');
  }
}

export function assert(condition: unknown, problem: string): asserts condition {
  if (!condition) throw new Error(problem);
}
