import type { Answer, Route } from '../answer.ts';
import { pageAnswer } from '../page/layout.ts';
import { decodedParameter } from '../query.ts';
import { delegationPage, unknownPage } from './delegation-page.ts';
import type { ExplainProbe } from './explained.ts';
import { type ProblemJudges, problemAnswer } from './problem-page.ts';
import type { Turns } from './turns.ts';

export interface DelegationPages extends ProblemJudges {
  readonly probe: ExplainProbe;
  readonly turns: Turns;
  readonly version: string;
}

/** The page of the delegation that the path names. */
export function delegationRoute(pages: DelegationPages): Route {
  return async ({ parameter }) => {
    try {
      return await delegationAnswer(decodedParameter(parameter), pages);
    } catch (err) {
      return problemAnswer(err, pages, pages.version);
    }
  };
}

/** Rejects with what problemAnswer explains. */
export async function delegationAnswer(
  delegationId: string,
  { probe, turns, version }: Pick<DelegationPages, 'probe' | 'turns' | 'version'>,
): Promise<Answer> {
  const explanation = await turns.take(() => probe.explain(delegationId));
  if (explanation !== null) return pageAnswer(200, delegationPage(explanation, version));
  const unknown = await turns.take(() => probe.unknown(delegationId));
  return pageAnswer(404, unknownPage(unknown, version));
}
