import type { HeartbeatResult } from '../../src/ledger/heartbeat-result.ts';
import type { RoundBeats } from '../../src/ledger/keep-alive-rounds.ts';

type Outcome = HeartbeatResult['outcome'];

export interface AskedBeats {
  readonly ids: readonly string[];
  readonly progress: Readonly<Record<string, string>>;
  /** The same for all of them; each with its own threshold where it has one. */
  answer(outcome: Outcome, ownThresholdsMs?: Readonly<Record<string, number>>): void;
}

/** Heartbeats that are answered when the test allows it. The daemons' threshold is a second. */
export class ScriptedBeats implements RoundBeats {
  readonly asked: AskedBeats[] = [];
  readonly silences: (readonly string[])[] = [];
  readonly stuckAfterMs = 1000;

  async beat(id: string, progress?: string): Promise<HeartbeatResult> {
    const said = new Map(progress === undefined ? [] : [[id, progress]]);
    return (await this.beatFree([id], said)).get(id)!;
  }

  beatFree(ids: readonly string[], progress: ReadonlyMap<string, string>): Promise<Map<string, HeartbeatResult>> {
    return new Promise((resolve) => {
      const resultOf = (delegationId: string, outcome: Outcome, stuckAfterMs: number | undefined) =>
        ({
          delegationId,
          outcome,
          status: 'stuck',
          ...(stuckAfterMs !== undefined && { stuckAfterMs }),
        }) as HeartbeatResult;
      const answer: AskedBeats['answer'] = (outcome, ownThresholdsMs = {}) =>
        resolve(new Map(ids.map((id) => [id, resultOf(id, outcome, ownThresholdsMs[id])])));
      this.asked.push({ ids, progress: Object.fromEntries(progress), answer });
    });
  }

  logSilence(ids: readonly string[]): void {
    this.silences.push(ids);
  }
}
