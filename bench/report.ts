import { execFileSync } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { availableParallelism, loadavg, totalmem } from 'node:os';
import { fileURLToPath } from 'node:url';
import { type Figure, type Findings, passes } from './figure.ts';
import { svgOf } from './svg.ts';

/** `only`: the scenarios asked for; empty for all of them. */
interface Run {
  readonly quick: boolean;
  readonly only: readonly string[];
  readonly seconds: number;
}

export interface Outcome extends Findings {
  readonly scenario: string;
}

const here = (file: string) => fileURLToPath(new URL(file, import.meta.url));
const IMAGES = here('../docs/images');

/** The results of a run: on standard output, in a file, and in docs/performance.md. */
export class Report {
  readonly #outcomes: readonly Outcome[];
  readonly #run: Run;

  constructor(outcomes: readonly Outcome[], run: Run) {
    this.#outcomes = outcomes;
    this.#run = run;
  }

  table(): string {
    const rows = this.#outcomes.flatMap(({ scenario, figures }) =>
      figures.map((figure) => [scenario, figure.what, amount(figure), limitOf(figure), verdict(figure)]),
    );
    const all = [['scenario', 'what', 'measured', 'limit', ''], ...rows];
    const others = this.#outcomes.flatMap(({ tables = [] }) => tables.map(({ header, rows }) => [header, ...rows]));
    return [all, ...others]
      .filter((lines) => lines.length > 1)
      .map(aligned)
      .join('\n');
  }

  /** bench/results/<date>.json: every sample. The file of a partial run names its scenarios. */
  async save(): Promise<void> {
    await mkdir(here('results'), { recursive: true });
    const date = new Date().toISOString();
    const name = [date.slice(0, 10), ...this.#run.only, ...(this.#run.quick ? ['quick'] : [])].join('-');
    const file = here(`results/${name}.json`);
    await writeFile(
      file,
      `${JSON.stringify({ date, machine: machine(), ...this.#run, outcomes: this.#outcomes }, null, 1)}\n`,
    );
  }

  /** The charts, and the blocks of docs/performance.md between their markers. */
  async publish(): Promise<void> {
    await mkdir(IMAGES, { recursive: true });
    const byDocument = Map.groupBy(this.#outcomes, ({ document = 'performance' }) => document);
    for (const [name, outcomes] of byDocument) {
      const document = here(`../docs/${name}.md`);
      let text = await readFile(document, 'utf8');
      if (name === 'performance') text = block(text, 'run', machineLine());
      for (const outcome of outcomes) text = await this.#publishOne(text, outcome);
      await writeFile(document, text);
    }
  }

  async #publishOne(document: string, { scenario, figures, tables = [], pictures = [] }: Outcome): Promise<string> {
    let text = document;
    if (figures.length > 0) text = block(text, `figures ${scenario}`, `${markdown(figures)}\n\n${this.#describe()}`);
    for (const { id, header, rows } of tables) {
      const lines = [header, header.map((_, column) => (column === 0 ? '---' : '--:')), ...rows];
      text = block(text, `table ${id}`, lines.map((cells) => `| ${cells.join(' | ')} |`).join('\n'));
    }
    for (const picture of pictures) {
      await writeFile(`${IMAGES}/${picture.id}.svg`, svgOf(picture));
      text = block(text, `picture ${picture.id}`, `![${picture.title}](images/${picture.id}.svg)`);
    }
    return text;
  }

  #describe(): string {
    const { commit, load } = machine();
    const size = this.#run.quick ? 'a quick run: smaller sizes, fewer rounds' : 'a full run';
    return `*${new Date().toISOString().slice(0, 10)}, commit ${commit}, ${size}; load average at the end ${load}.*`;
  }
}

function machineLine(): string {
  const { cores, memoryGb, postgres, node } = machine();
  return `The machine: ${cores} cores, ${memoryGb} GB, PostgreSQL ${postgres}, Node ${node}.`;
}

function machine() {
  return {
    cores: availableParallelism(),
    memoryGb: Math.round(totalmem() / 1024 ** 3),
    postgres: '18.4 (embedded)',
    node: process.versions.node,
    load: loadavg()[0]!.toFixed(1),
    commit: execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8', cwd: here('.') }).trim(),
  };
}

function aligned(lines: readonly (readonly string[])[]): string {
  const widths = lines[0]!.map((_, column) => Math.max(...lines.map((row) => row[column]!.length)));
  const padded = lines.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column]!))
      .join('  ')
      .trimEnd(),
  );
  return `${padded.join('\n')}\n`;
}

/** Replaces the text between the two markers; throws when the document lacks them. */
function block(text: string, name: string, content: string): string {
  const begin = `<!-- bench:${name} -->`;
  const end = '<!-- /bench -->';
  const from = text.indexOf(begin);
  const to = text.indexOf(end, from);
  if (from < 0 || to < 0) throw new Error(`the document has no block ${begin}`);
  return `${text.slice(0, from + begin.length)}\n${content}\n${text.slice(to)}`;
}

function markdown(figures: readonly Figure[]): string {
  const rows = figures.map((figure) => {
    const { what, samples, note } = figure;
    const spread =
      samples && samples.length > 1 ? `${short(Math.min(...samples))} to ${short(Math.max(...samples))}` : '';
    return `| ${what} | ${amount(figure)} | ${spread} | ${limitOf(figure)} | ${verdict(figure)} | ${note ?? ''} |`;
  });
  return ['| what | measured | range | limit | | note |', '|---|---|---|---|---|---|', ...rows].join('\n');
}

function amount({ value, unit }: Figure): string {
  return `${short(value)} ${unit}`;
}

function short(value: number): string {
  if (Number.isInteger(value) || Math.abs(value) >= 1000) return Math.round(value).toLocaleString('en');
  return value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2);
}

function limitOf({ limit, unit }: Figure): string {
  if (!limit) return '';
  return 'atMost' in limit ? `at most ${short(limit.atMost)} ${unit}` : `at least ${short(limit.atLeast)} ${unit}`;
}

function verdict(figure: Figure): string {
  const passed = passes(figure);
  return passed === null ? '' : passed ? 'pass' : 'FAIL';
}
