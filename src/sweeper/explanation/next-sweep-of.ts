import type { Forecast } from '../forecast.ts';
import { isoOf, type Micros } from '../instant.ts';
import type { Refusal } from '../observed-time/refusal.ts';
import { infersSilence } from '../pass/rules.ts';
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
  const { nowUs, verdict, cron, budget, daemons, isSweeping, hold, refusal } = prospects;
  const now = new Date(isoOf(nowUs));
  const actionNow = actionOf(prospects);
  const due = actionNow === 'nothing' ? (verdict.due.find(({ isPassed }) => !isPassed) ?? null) : firstPassed(verdict);
  const tickAt = nextOccurrence(cron, now);
  const by = isOnTime(prospects, due) ? 'on_time' : 'tick';
  return {
    actionNow,
    action: actionNow === 'nothing' ? foreseen(prospects, due) : actionNow,
    at: daemons === 0 || due === null ? null : instantOf({ due, by, now, cron }).toISOString(),
    by,
    isRetried: prospects.isRetried,
    tickAt: tickAt.toISOString(),
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

/** What the sweep will do that meets a delegation which has come due. */
function foreseen({ task, hold }: Prospects, due: DueRule | null): SweepAction {
  if (due === null) return 'nothing';
  if (due.rule === 'overdue') return 'fail';
  if (hold !== null && hold.until > due.at) return 'hold';
  return task?.probe.isEnabled && task.probe.refusal === null ? 'ask_agent' : 'mark_stuck';
}

function firstPassed({ rule, due }: Verdict): DueRule | null {
  return due.find((each) => each.rule === rule) ?? due[0] ?? null;
}

/** What a sweep left, and everything while a hold lasts, is left to the ticks. */
function isOnTime({ onTime, judgedAt, storm, hold, refusal }: Prospects, due: DueRule | null): boolean {
  if (!onTime || judgedAt === null || due === null || refusal !== null) return false;
  if (due.rule !== 'overdue' && hold !== null) return false;
  return storm.state === 'calm' && due.at >= judgedAt.toISOString();
}

interface Coming {
  readonly due: DueRule;
  readonly by: NextSweep['by'];
  readonly now: Date;
  readonly cron: Cron;
}

function instantOf({ due, by, now, cron }: Coming): Date {
  const from = new Date(Math.max(now.getTime(), Date.parse(due.at)));
  return by === 'on_time' ? from : nextOccurrence(cron, from);
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
