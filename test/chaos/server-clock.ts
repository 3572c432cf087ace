import type { Stretch } from './outages.ts';

/** The server's clock was set: between the two instants, of the machine's clock, it may have shown either. */
interface Setting extends Stretch {
  /** Ahead of the machine's clock from then on; negative: behind it. */
  readonly offsetMs: number;
}

/** What the server's clock showed and when, as the suite set it. Instants are the machine's, in milliseconds since 1970. */
export class ServerClock {
  readonly #settings: Setting[] = [];

  async setTo(offsetMs: number, set: () => Promise<void>): Promise<void> {
    const startAt = Date.now();
    await set();
    this.#settings.push({ startAt, endAt: Date.now(), offsetMs });
  }

  /** It was not set in this time. */
  isSteady({ startAt, endAt }: Stretch): boolean {
    return this.#settings.every((setting) => setting.endAt < startAt || setting.startAt > endAt);
  }

  offsetAt(at: number): number {
    return this.#settings.findLast(({ startAt }) => startAt <= at)?.offsetMs ?? 0;
  }

  /** The first instant at which the server's clock showed `durationMs` more than it did at `from`. */
  passed(durationMs: number, from: number): number {
    let [at, offsetMs] = [from, this.offsetAt(from)];
    const target = from + offsetMs + durationMs;
    for (const setting of this.#settings.filter(({ endAt }) => endAt > from)) {
      if (target - offsetMs <= setting.startAt) break;
      at = setting.startAt;
      offsetMs = setting.offsetMs;
    }
    return Math.max(at, target - offsetMs);
  }
}
