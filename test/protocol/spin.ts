import { access, copyFile, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { attempt, run, tail } from '../../deploy/verify/command.ts';
import { type Configuration, defaults } from './configuration.ts';
import { lifecycle } from './lifecycle.ts';

export const modelFolder = fileURLToPath(new URL('./model', import.meta.url));

/** Of one search, which must not need more. */
const MEMORY_MAX_MB = 1500;
const DEPTH_MAX = 1_000_000;

export interface Search {
  readonly states: number;
  readonly depth: number;
  /** The claim that was broken; `liveness` for a cycle, `deadlock` for a state in which a process waits for ever; null: none. */
  readonly broken: string | null;
  /** What happened, one step a line; empty where nothing is broken. */
  readonly trail: readonly string[];
}

/** @throws when Spin or gcc is missing, with what to install. */
export async function assertInstalled(): Promise<void> {
  for (const [program, flag] of [
    ['spin', '-V'],
    ['gcc', '--version'],
  ] as const) {
    const isThere = await attempt(program, [flag]).then(
      ({ code }) => code === 0,
      () => false,
    );
    if (!isThere)
      throw new Error(`${program} is missing: apt-get install spin gcc libc6-dev (Debian 12 has Spin 6.5.2)`);
  }
}

/** Searches all states of the model with these parameters, in a folder of its own. @throws when the search was not a whole one. */
export async function search(folder: string, configuration: Configuration, mutation?: string): Promise<Search> {
  await mkdir(folder, { recursive: true });
  const files = (await readdir(modelFolder)).filter((file) => file.endsWith('.pml'));
  for (const file of files) await copyFile(path.join(modelFolder, file), path.join(folder, file));
  await writeFile(path.join(folder, 'lifecycle.pml'), lifecycle());
  const isForCycles = configuration.search === 'cycles';
  const parameters = { ...defaults, ...configuration.parameters };
  const defined = Object.entries(parameters).map(([name, value]) => `-D${name}=${value}`);
  if (isForCycles) defined.push('-DTIME_STANDS_STILL');
  if (mutation !== undefined) defined.push(`-D${mutation}`);
  await run('spin', ['-a', ...defined, 'protocol.pml'], { cwd: folder });
  // Breadth first, so that the run that breaks a claim is a shortest one.
  const kind = isForCycles ? [] : ['-DSAFETY', ...(mutation === undefined ? [] : ['-DBFS'])];
  // Without optimisation: to compile takes longer than to search.
  await run('gcc', ['-w', ...kind, '-DCOLLAPSE', `-DMEMLIM=${MEMORY_MAX_MB}`, '-o', 'pan', 'pan.c'], {
    cwd: folder,
  });
  // -a -f: cycles in which a claim about what must happen at last never comes true, while each process goes on that can.
  const { stdout, stderr } = await attempt('./pan', [...(isForCycles ? ['-a', '-f'] : []), `-m${DEPTH_MAX}`, '-w22'], {
    cwd: folder,
  });
  const found = readReport(`${stdout}\n${stderr}`);
  if (found.errors === 0) return { ...found, broken: null, trail: [] };
  await access(path.join(folder, 'protocol.pml.trail'));
  const told = await attempt('spin', ['-t', '-T', '-B', ...defined, 'protocol.pml'], { cwd: folder });
  return { ...found, ...readTrail(told.stdout, stdout) };
}

/** @throws when the search was cut short. */
export function readReport(report: string): {
  readonly states: number;
  readonly depth: number;
  readonly errors: number;
} {
  const cut = /max search depth too small|out of memory|reached -DMEMLIM|Search not completed|VECTORSZ|aborting/.exec(
    report,
  );
  const errors = /errors: (\d+)/.exec(report);
  const states = /([\d.e+]+) states, stored/.exec(report);
  const depth = /depth reached (\d+)/.exec(report);
  if (errors === null || states === null || depth === null) throw new Error(`no report of a search: ${tail(report)}`);
  // A search that found what it looked for ends there.
  if (cut !== null && errors[1] === '0') throw new Error(`not all states were searched: ${cut[0]}\n${tail(report)}`);
  return { states: Number(states[1]), depth: Number(depth[1]), errors: Number(errors[1]) };
}

/** What a replay and the verifier say: the steps, and which claim is broken at the end. */
export function readTrail(
  replay: string,
  report: string,
): { readonly broken: string; readonly trail: readonly string[] } {
  const lines = replay.split('\n').map((line) => line.trim());
  const end = lines.findIndex((line) => line.startsWith('broken: '));
  const trail = (end < 0 ? lines : lines.slice(0, end)).filter((line) => /^\d+: /.test(line));
  const claim = lines.map((line) => /^broken: (\w+)/.exec(line)?.[1]).find((name) => name !== undefined);
  if (claim !== undefined) return { broken: claim, trail };
  if (report.includes('acceptance cycle')) return { broken: 'liveness', trail };
  if (report.includes('invalid end state')) return { broken: 'deadlock', trail };
  throw new Error(`a claim without a name is broken: ${tail(report)}`);
}

/** The text of the model, file by file. */
export async function modelTexts(): Promise<ReadonlyMap<string, string>> {
  const files = (await readdir(modelFolder)).filter((file) => file.endsWith('.pml'));
  return new Map(
    await Promise.all(files.map(async (file) => [file, await readFile(path.join(modelFolder, file), 'utf8')] as const)),
  );
}
