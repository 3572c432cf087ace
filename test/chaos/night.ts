import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { spawnNode, type TestChild } from '../support/child.ts';
import type { ChaosOptions } from './chaos.ts';
import type { NightRecord } from './night-record.ts';
import { Random } from './random.ts';
import { type ChaosReport, merged } from './report.ts';
import { type ServerKind, serverKinds } from './server-programs.ts';

export interface NightOptions {
  /** Of all its fleets: the same seed gives the same fleets and the same faults in the same order. */
  readonly seed: number;
  /** It ends when so many faults have been injected, or so much time has passed. */
  readonly faults: number;
  readonly limitMs: number;
  /** At a time. */
  readonly fleets: number;
  /** How long each is injected faults; the next one begins with an empty ledger. */
  readonly fleetMs: number;
  /** All servers are of this kind; undefined: in turn. */
  readonly server: ServerKind | undefined;
  /** What has been reported of this night before: those fleets are not run again. */
  readonly record: NightRecord;
  /** Ends the injection; the audits and the report follow. */
  readonly signal: AbortSignal;
  readonly onProgress: (line: string) => void;
  /** The report of all fleets so far, each time that one has reported. */
  readonly onReport: (report: ChaosReport) => Promise<void>;
}

const SCRIPT = fileURLToPath(new URL('./fleet-run.ts', import.meta.url));
const TELL_EVERY_MS = 60_000;
/** Between the beginnings of the first fleets, which are the most work. */
const APART_MS = 15_000;

/** Fleets, several at a time, each with a ledger of its own and audited at its end; one report of all. */
export async function runNight(options: NightOptions): Promise<ChaosReport> {
  return new Night(options).run();
}

class Night {
  readonly #options: NightOptions;
  readonly #seeds: Random;
  readonly #problems: string[] = [];
  readonly #running = new Set<TestChild>();
  readonly #endAt: number;
  #begun = 0;
  #injected: number;
  #isOver: boolean;

  constructor(options: NightOptions) {
    this.#options = options;
    this.#seeds = new Random(options.seed);
    this.#endAt = performance.now() + options.limitMs;
    this.#injected = options.record.injected;
    this.#isOver = this.#injected >= options.faults;
  }

  async run(): Promise<ChaosReport> {
    const { signal, fleets, limitMs } = this.#options;
    const end = () => this.#end();
    signal.addEventListener('abort', end);
    const timers = [setTimeout(end, limitMs), setInterval(() => this.#tell(), TELL_EVERY_MS)];
    try {
      await Promise.all(Array.from({ length: fleets }, (_, lane) => this.#lane(lane)));
    } finally {
      for (const timer of timers) clearInterval(timer);
      signal.removeEventListener('abort', end);
    }
    if (this.#options.record.reports.length === 0) {
      throw new Error(`no fleet has reported: ${this.#problems.join('; ')}`);
    }
    return this.#report();
  }

  #report(): ChaosReport {
    const report = merged(this.#options.record.reports);
    return { ...report, problems: [...report.problems, ...this.#problems] };
  }

  async #lane(lane: number): Promise<void> {
    // Where there were faults enough before, the report is all that is left.
    if (!this.#isOver) await sleep(lane * APART_MS);
    while (!this.#isOver) await this.#fleet(this.#next());
  }

  /** Every fleet of the night has its own seed, also those that have reported before. */
  #next(): { readonly nr: number; readonly seed: number } {
    for (;;) {
      const nr = this.#begun;
      this.#begun += 1;
      const seed = Math.floor(this.#seeds.between(0, 2 ** 31));
      if (!this.#options.record.has(nr)) return { nr, seed };
    }
  }

  async #fleet({ nr, seed }: { readonly nr: number; readonly seed: number }): Promise<void> {
    const { server, fleetMs, record, onProgress, onReport } = this.#options;
    const kind = server ?? serverKinds[nr % serverKinds.length]!;
    const injectMs = Math.max(1_000, Math.min(fleetMs, this.#endAt - performance.now()));
    const options: ChaosOptions = { seed, server: kind, injectMs };
    await using child = spawnNode([SCRIPT, JSON.stringify(options)], { detached: true });
    this.#running.add(child);
    const heard = setInterval(() => this.#hear(child, seed, kind), 1_000);
    try {
      await child.exit;
    } finally {
      clearInterval(heard);
      this.#running.delete(child);
    }
    this.#hear(child, seed, kind);
    const last = child.stdoutLines.at(-1) ?? '';
    if (!last.startsWith('{')) {
      this.#problems.push(
        `the fleet of seed ${seed} (${kind}) did not report: ${child.stderrLines.slice(-20).join(' ')}`,
      );
      onProgress(this.#problems.at(-1)!);
      // Not again and again at once.
      await sleep(10_000);
      return;
    }
    const report = JSON.parse(last) as ChaosReport;
    await record.add(nr, report);
    for (const { kind: finding, id, what } of report.findings) {
      onProgress(`seed ${seed}, ${kind}: ${finding}: ${id}: ${what}`);
    }
    await onReport(this.#report());
  }

  readonly #heardLines = new WeakMap<TestChild, number>();

  #hear(child: TestChild, seed: number, kind: ServerKind): void {
    const from = this.#heardLines.get(child) ?? 0;
    const lines = child.stdoutLines.slice(from).filter((line) => !line.startsWith('{'));
    this.#heardLines.set(child, child.stdoutLines.length);
    this.#injected += lines.length;
    for (const line of lines) {
      if (!line.startsWith('survived')) this.#options.onProgress(`seed ${seed}, ${kind}: ${line}`);
    }
    if (this.#injected >= this.#options.faults) this.#end();
  }

  #tell(): void {
    const minutes = Math.max(0, Math.round((this.#endAt - performance.now()) / 60_000));
    const { faults, record, onProgress } = this.#options;
    onProgress(
      `${this.#injected} of ${faults} faults, ${record.reports.length} fleets audited, ${minutes} minutes left`,
    );
  }

  #end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#options.onProgress(`${this.#injected} faults injected; the fleets finish, then they are audited`);
    for (const child of this.#running) child.say('end');
  }
}
