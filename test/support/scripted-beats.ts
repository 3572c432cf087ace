import type { HeartbeatResult } from '../../src/ledger/heartbeat-result.ts';
import type { RoundBeats } from '../../src/ledger/keep-alive-rounds.ts';
import { PendingProgress } from '../../src/ledger/pending-progress.ts';

type Outcome = HeartbeatResult['outcome'];

export interface AskedBeats {
  readonly ids: readonly string[];
  readonly progress: Readonly<Record<string, string>>;
  /** The same for all of them; each with its own threshold where it has one. */
  answer(outcome: Outcome, ownThresholdsMs?: Readonly<Record<string, number>>): void;
}

/** Heartbeats that are answered when the test allows it. The daemons' threshold is a second, or as given; undefined: not known yet. */
export class ScriptedBeats implements RoundBeats {
  readonly asked: AskedBeats[] = [];
  readonly timeouts: (readonly string[])[] = [];
  readonly stuckAfterMs: number | undefined;
  readonly #progress = new PendingProgress();

  constructor({ stuckAfterMs }: { readonly stuckAfterMs: number | undefined } = { stuckAfterMs: 1000 }) {
    this.stuckAfterMs = stuckAfterMs;
  }

  reportProgress(id: string, text: string): void {
    this.#progress.report(id, text);
  }

  async beat(id: string): Promise<HeartbeatResult> {
    return (await this.beatUnlocked([id])).get(id)!;
  }

  beatUnlocked(ids: readonly string[]): Promise<Map<string, HeartbeatResult>> {
    const texts = this.#progress.of(ids);
    return new Promise((resolve) => {
      const resultOf = (delegationId: string, outcome: Outcome, stuckAfterMs: number | undefined) =>
        ({
          delegationId,
          outcome,
          status: 'stuck',
          ...(stuckAfterMs !== undefined && { stuckAfterMs }),
        }) as HeartbeatResult;
      const answer: AskedBeats['answer'] = (outcome, ownThresholdsMs = {}) => {
        const results = new Map(ids.map((id) => [id, resultOf(id, outcome, ownThresholdsMs[id])]));
        this.#progress.answered(texts, results);
        resolve(results);
      };
      const progress = Object.fromEntries([...texts].map(([id, { text }]) => [id, text]));
      this.asked.push({ ids, progress, answer });
    });
  }

  logTimeout(ids: readonly string[]): void {
    this.timeouts.push(ids);
  }
}
