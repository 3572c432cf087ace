import { HEARTBEAT_IDS_MAX } from './limits.ts';

interface PendingText {
  readonly text: string;
}

const over: ReadonlySet<string> = new Set(['stamped', 'terminal', 'missing']);

/** What goes with one statement: texts by delegation. */
export type PendingTexts = ReadonlyMap<string, PendingText>;

/**
 * Progress texts that the database has not confirmed yet, the newest one of each delegation. Each goes with the
 * delegation's next heartbeat, by whichever call, until it is written: after an outage a heartbeat without it would count
 * as no progress. Bounded: beyond ten thousand delegations the oldest text is dropped.
 */
export class PendingProgress {
  /** By delegation, oldest first. */
  readonly #texts = new Map<string, PendingText>();

  /** Replaces an earlier text of the same delegation. */
  report(delegationId: string, text: string): void {
    this.#texts.delete(delegationId);
    this.#texts.set(delegationId, { text });
    if (this.#texts.size <= HEARTBEAT_IDS_MAX) return;
    const [oldest] = this.#texts.keys();
    this.#texts.delete(oldest!);
  }

  of(delegationIds: readonly string[]): PendingTexts {
    const texts = new Map<string, PendingText>();
    if (this.#texts.size === 0) return texts;
    for (const id of delegationIds) {
      const pending = this.#texts.get(id);
      if (pending) texts.set(id, pending);
    }
    return texts;
  }

  /**
   * Drops what was sent, unless a newer text has replaced it: it is written, or there is nothing to write it to. Otherwise it
   * goes with the next heartbeat.
   */
  answered(sent: PendingTexts, answers: ReadonlyMap<string, { readonly outcome: string }>): void {
    for (const [id, pending] of sent) {
      const outcome = answers.get(id)?.outcome ?? 'missing';
      if (over.has(outcome) && this.#texts.get(id) === pending) this.#texts.delete(id);
    }
  }
}
