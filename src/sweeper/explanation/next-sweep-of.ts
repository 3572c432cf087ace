import type { Forecast } from '../forecast.ts';
import { isoOf, type Micros } from '../instant.ts';
import type { Refusal } from '../observed-time/refusal.ts';
import { infersSilence, ruleNames } from '../pass/rules.ts';
import { type Cron, nextOccurrence } from '../status/cron.ts';
import type { Storm } from '../status/status.ts';
import type { ExplainedTask } from './explained-task.ts';
import type { ExplainedHold, ExplainedStorm, NextSweep, SweepAction } from './next-sweep.ts';
import type { DueRule, Verdict } from './verdict.ts';

/** What decides about the next sweep, beside the verdict. */
export interface Prospects {
  readonly delegationId: string;
  readonly nowUs: Micros;
  readonly verdict: Verdict;
  /** How a sweep would apply its rules; null: the delegation matches none about silence, or it could not be counted. */
  readonly forecast: Forecast | null;
  /** It matches the rule `stalled`, and is given time to be heard. */
  readonly isGivenTime: boolean;
  readonly budget: NextSweep['budget'];
  readonly task: ExplainedTask | null;
  /** A sweep that marks it stuck tries it again. */
  readonly isRetried: boolean;
  readonly cron: Cron;
  /** SWEEP_ON_TIME. */
  readonly onTime: boolean;
  readonly daemons: number;
  readonly sweptAt: Date | null;
  readonly isSweeping: boolean;
  /** When the last sweep read the clock; null: there was none. */
  readonly judgedAt: Date | null;
  readonly storm: Storm;
  readonly hold: ExplainedHold | null;
  readonly refusal: Refusal | null;
}

/** Pure: what a sweep does with an open delegation, now and next. */
export function nextSweepOf(prospects: Prospects): NextSweep {
  const { nowUs, cron, budget, daemons, isSweeping, hold, refusal } = prospects;
  const actionNow = actionOf(prospects);
  const coming = comingOf(prospects, actionNow);
  return {
    actionNow,
    action: coming?.action ?? 'nothing',
    at: daemons === 0 || coming === null ? null : coming.at.toISOString(),
    by: coming?.by ?? 'tick',
    isRetried: prospects.isRetried,
    tickAt: nextOccurrence(cron, dateOf(nowUs)).toISOString(),
    daemons,
    sweptAt: prospects.sweptAt?.toISOString() ?? null,
    isSweeping,
    budget,
    storm: stormOf(prospects),
    hold,
    refusal: refusal && { reason: refusal.reason, remedy: refusal.remedy },
  };
}

/** What a sweep at this instant would do, in the order in which it finds out. */
function actionOf({
  delegationId,
  verdict,
  forecast,
  isGivenTime,
  budget,
  task,
  hold,
  refusal,
}: Prospects): SweepAction {
  const { rule, poisoned, lockedBy } = verdict;
  if (refusal !== null) return 'refuse';
  if (rule === null) return 'nothing';
  const isSilence = infersSilence({ name: rule });
  if (isSilence && hold !== null) return 'hold';
  if (isSilence && forecast === null) return 'unknown';
  if (isSilence && forecast?.held) return 'hold';
  if (poisoned !== null) return 'try_again';
  if (lockedBy !== null) return 'leave_locked';
  if (isGivenTime) return 'wait_to_be_heard';
  if (isSilence && task?.probe.isEnabled) {
    const { asked = [], refused = [] } = forecast?.rules[rule].chosen ?? {};
    const isAmong = (suspects: readonly { readonly delegationId: string }[]) =>
      suspects.some((suspect) => suspect.delegationId === delegationId);
    if (isAmong(asked)) return 'ask_agent';
    return isAmong(refused) ? 'mark_stuck' : 'leave_for_budget';
  }
  if (budget !== null && budget.ahead >= budget.allowed) return 'leave_for_budget';
  return isSilence ? 'mark_stuck' : 'fail';
}

interface Coming {
  readonly action: SweepAction;
  readonly at: Date;
  readonly by: NextSweep['by'];
}

/** The first sweep that does something with it; null: no rule can come to match. */
function comingOf(prospects: Prospects, actionNow: SweepAction): Coming | null {
  const { verdict, hold } = prospects;
  if (actionNow !== 'nothing' && (actionNow !== 'hold' || hold === null)) {
    const due = firstPassed(verdict);
    return due && { ...meetingOf(prospects, due), action: actionNow };
  }
  // While an operator holds, a deadline may come before the end of the hold. One sweep applies the rules in their order.
  return ruleNames
    .flatMap((name) =>
      verdict.due.filter(({ rule, isPassed }) => rule === name && (!isPassed || rule === verdict.rule)),
    )
    .map((due) => meetingOf(prospects, due))
    .reduce<Coming | null>((first, each) => (first !== null && first.at <= each.at ? first : each), null);
}

/**
 * The first sweep that meets the delegation when it is due, and what it does. While an operator holds, the ticks leave what
 * is silent; the end of the hold makes it due again.
 */
function meetingOf(prospects: Prospects, due: DueRule): Coming {
  const { nowUs, cron, hold } = prospects;
  const now = dateOf(nowUs);
  const dueAt = new Date(due.at);
  const tick = nextOccurrence(cron, later(now, dueAt));
  const heldUntil = hold !== null && infersSilence({ name: due.rule }) ? new Date(hold.until) : null;
  if (heldUntil !== null && tick < heldUntil) return { action: 'hold', at: tick, by: 'tick' };
  const fromAt = heldUntil === null ? dueAt : later(dueAt, heldUntil);
  const action = foreseen(prospects, due);
  return isOnTime(prospects, fromAt)
    ? { action, at: later(now, fromAt), by: 'on_time' }
    : { action, at: tick, by: 'tick' };
}

/** What the sweep will do that meets a delegation which has come due. */
function foreseen({ verdict, task }: Prospects, { rule, isPassed }: DueRule): SweepAction {
  if (isPassed && verdict.poisoned !== null) return 'try_again';
  if (rule === 'overdue') return 'fail';
  return task?.probe.isEnabled && task.probe.refusal === null ? 'ask_agent' : 'mark_stuck';
}

function firstPassed({ rule, due }: Verdict): DueRule | null {
  return due.find((each) => each.rule === rule) ?? due[0] ?? null;
}

/** What a sweep left is left to the ticks. */
function isOnTime({ onTime, judgedAt, storm, refusal }: Prospects, fromAt: Date): boolean {
  return onTime && judgedAt !== null && refusal === null && storm.state === 'calm' && fromAt >= judgedAt;
}

function dateOf(us: Micros): Date {
  return new Date(isoOf(us));
}

function later(a: Date, b: Date): Date {
  return a > b ? a : b;
}

function stormOf({ storm: { state, since, until }, forecast }: Prospects): ExplainedStorm {
  const signs = forecast?.storm;
  return {
    state,
    since: since?.toISOString() ?? null,
    until: until?.toISOString() ?? null,
    signs: signs
      ? { stale: signs.stale, silent: signs.silent, inFlight: signs.inFlight, callees: signs.callees }
      : null,
  };
}
