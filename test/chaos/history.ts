import { Outages, overlapMs, type Stretch } from './outages.ts';
import { ServerClock } from './server-clock.ts';
import { Thresholds } from './thresholds.ts';

/** Who is concerned: these agents, or all of them. */
export type Agents = readonly string[] | 'all';

/** What the suite did, and when, by the machine's clock in milliseconds since 1970: what the audit judges by. */
export class History {
  readonly clock = new ServerClock();
  /** STUCK_AFTER of the daemons. */
  readonly thresholds: Thresholds;
  /** When no daemon reached the database. */
  readonly outages: Outages;
  /** When an agent could not reach the database, or did not run. */
  readonly #hindrances: (Stretch & { readonly agents: Agents })[] = [];
  /** What was committed in these times was lost by a failover; the end is when the standby was promoted. */
  readonly losses: Stretch[] = [];

  constructor(stuckAfterMs: number, outages = new Outages()) {
    this.thresholds = new Thresholds(stuckAfterMs);
    this.outages = outages;
  }

  /** Neither daemons nor agents reach the database while this runs. */
  away<Result>(work: () => Promise<Result>): Promise<Result> {
    return this.hindered('all', () => this.outages.during(work));
  }

  /** Agents that can't send a heartbeat while this runs. */
  async hindered<Result>(agents: Agents, work: () => Promise<Result>): Promise<Result> {
    const startAt = Date.now();
    try {
      return await work();
    } finally {
      this.hinder(agents, { startAt, endAt: Date.now() });
    }
  }

  hinder(agents: Agents, stretch: Stretch): void {
    this.#hindrances.push({ ...stretch, agents });
  }

  /** Killed. */
  gone(agent: string): void {
    this.hinder([agent], { startAt: Date.now(), endAt: Number.POSITIVE_INFINITY });
  }

  /** For how long this agent could not send a heartbeat in this time; more where hindrances overlap. */
  hinderedMs(agent: string, stretch: Stretch): number {
    return this.#hindrances
      .filter(({ agents }) => agents === 'all' || agents.includes(agent))
      .reduce((sum, hindrance) => sum + overlapMs(hindrance, stretch), 0);
  }

  /** A failover may have lost what was asked and answered in this time. */
  mayHaveLost({ askedAt, answeredAt }: { readonly askedAt: number; readonly answeredAt: number }): boolean {
    return this.losses.some(({ startAt, endAt }) => answeredAt >= startAt && askedAt <= endAt);
  }

  /** The last failover before this instant; long ago if there was none. */
  lastFailoverBefore(at: number): number {
    return Math.max(Number.NEGATIVE_INFINITY, ...this.losses.map(({ endAt }) => endAt).filter((endAt) => endAt <= at));
  }
}
