import type { ProbeEvidence } from '../pass/probe-evidence.ts';
import type { Rule } from '../pass/rules.ts';
import { type Choice, nothingChosen } from './choice.ts';

/** The suspects of one rule that one sweep asks about. */
export class AskedRule {
  /** Rows of the rule's budget that are theirs. */
  readonly reserved: number;
  /** Others are left for the next sweep. */
  readonly isCutShort: boolean;
  /** Resolves when every one of them has been answered or given up. Never rejects. */
  answered: Promise<void> = Promise.resolve();
  readonly #givenUp = new Map<Rule, Map<string, ProbeEvidence>>();

  constructor({ refused, asked, isCutShort }: Choice) {
    this.reserved = refused.length + asked.length;
    this.isCutShort = isCutShort;
    for (const { rule, delegationId, refusal: reason } of refused) {
      this.giveUp(rule, delegationId, { outcome: 'not_asked', reason });
    }
  }

  giveUp(rule: Rule, delegationId: string, evidence: ProbeEvidence): void {
    const givenUp = this.#givenUp.get(rule) ?? new Map();
    this.#givenUp.set(rule, givenUp.set(delegationId, evidence));
  }

  /** Those to mark, once all are answered, with what came of asking. */
  givenUp(rule: Rule): ReadonlyMap<string, ProbeEvidence> {
    return this.#givenUp.get(rule) ?? new Map();
  }
}

export const nothingAsked = new AskedRule(nothingChosen);
