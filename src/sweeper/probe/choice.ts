import type { Rule } from '../pass/rules.ts';
import type { TaskSuspect } from './statements/task-suspects.ts';
import type { SuspectProbe } from './suspect-probe.ts';

export interface Suspect extends TaskSuspect {
  readonly rule: Rule;
}

export interface RefusedSuspect extends Suspect {
  /** Why its agent may not be asked. */
  readonly refusal: string;
}

/** What becomes of the suspects of one rule that are A2A tasks. */
export interface Choice {
  /** May not be asked: marked without it. */
  readonly refused: readonly RefusedSuspect[];
  readonly asked: readonly Suspect[];
  /** For the next sweep. */
  readonly left: readonly Suspect[];
  /** Some are left, perhaps more than these. */
  readonly isCutShort: boolean;
}

export const nothingChosen: Choice = { refused: [], asked: [], left: [], isCutShort: false };

/** The oldest are asked first. `isAll`: there are no others. */
export function choose(
  suspects: readonly Suspect[],
  probe: Pick<SuspectProbe, 'refusal'>,
  { asksMax, isAll }: { readonly asksMax: number; readonly isAll: boolean },
): Choice {
  const refused: RefusedSuspect[] = [];
  const askable: Suspect[] = [];
  for (const suspect of suspects) {
    const refusal = probe.refusal(suspect.agentUrl);
    if (refusal === null) askable.push(suspect);
    else refused.push({ ...suspect, refusal });
  }
  const left = askable.slice(asksMax);
  return { refused, asked: askable.slice(0, asksMax), left, isCutShort: left.length > 0 || !isAll };
}
