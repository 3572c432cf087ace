import type { EventLog } from '../log/event-log.ts';
import { seconds } from '../log/seconds.ts';

/** More would not fit the line. */
const NAMED_MAX = 4;

/** The progress of the demo, in one line. */
export class Progress {
  readonly #startedAtMs = performance.now();
  readonly #open: Set<string>;
  #sweeps = 0;
  #phase: 'setting up' | 'playing' | 'clearing up' = 'setting up';

  constructor(roles: readonly string[]) {
    this.#open = new Set(roles);
  }

  /** The log, with a count of the events that pass through. */
  follow(log: EventLog): EventLog {
    return {
      emit: (event, fields) => {
        if (event === 'sweep.completed') this.#sweeps += 1;
        if (event === 'demo.agent') this.#phase = 'playing';
        log.emit(event, fields);
      },
    };
  }

  settled(role: string): void {
    this.#open.delete(role);
  }

  clearingUp(): void {
    this.#phase = 'clearing up';
  }

  text(): string {
    const elapsed = seconds(performance.now() - this.#startedAtMs, { whole: true }).padStart(5);
    if (this.#phase !== 'playing') return `${elapsed}  ${this.#phase} ...`;
    const awaited = this.#open.size > NAMED_MAX ? `${this.#open.size} delegations` : [...this.#open].join(', ');
    return `${elapsed}  ${this.#sweeps} sweeps  waiting for ${awaited}`;
  }
}
