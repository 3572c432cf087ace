import { duration } from '../../log/duration.ts';
import { visible } from '../../log/visible.ts';
import type { Ending } from './ending.ts';
import type { NextSweep } from './next-sweep.ts';
import type { DueRule, LockingSession, Verdict } from './verdict.ts';
import { atWords, type Unworded } from './why.ts';

/** Pure: what happens next, in one or two sentences. */
export function nextOf({ now, delegation, ending, verdict, nextSweep }: Unworded): string {
  if (ending !== null) return endedWords(ending, delegation.delegationId);
  if (verdict === null || nextSweep === null) return '';
  if (nextSweep.at === null && nextSweep.daemons === 0) return nobodyWords(nextSweep, now);
  return sweepWords(nextSweep, verdict, now);
}

function endedWords({ status, lateResults, retriedAs }: Ending, id: string): string {
  const final = 'Nothing: an end is final.';
  if (status === 'completed' || retriedAs !== null) return final;
  if (lateResults.length > 0) return `${final} Its result came late: the timeline has it.`;
  return `${final} \`delegation-sweeper retry ${visible(id)}\` tries it again.`;
}

function nobodyWords({ isSweeping, sweptAt }: NextSweep, now: string): string {
  const last = sweptAt === null ? 'no sweep has ever completed' : `the last sweep was ${ago(sweptAt, now)} ago`;
  return isSweeping
    ? `Nobody knows: no daemon is running on this ledger, though ${last}.`
    : `Nothing: nobody sweeps. No daemon is running on this ledger, and ${last}; start one with \`delegation-sweeper start\`.`;
}

function sweepWords(next: NextSweep, verdict: Verdict, now: string): string {
  const { action, at, storm, hold, refusal, budget } = next;
  const when = at === null ? 'the next sweep' : `the sweep at ${atWords(at, now)}${inWords(at, now)}`;
  switch (action) {
    case 'nothing':
      return 'Nothing: no rule can match it.';
    case 'fail':
      return `Unless it ends before, ${when} fails it, for its deadline.`;
    case 'mark_stuck':
      return `Unless it ${heard(verdict)}, ${when} marks it stuck${retryNote(next)}${stormNote(next)}.`;
    case 'ask_agent':
      return `Unless it ${heard(verdict)}, ${when} asks its agent for the task, and marks it stuck where that does not help${retryNote(next)}${stormNote(next)}.`;
    case 'hold':
      if (hold !== null) {
        return `Nothing for now: ${visible(hold.by)} holds the sweep until ${atWords(hold.until, now)} (${visible(hold.reason)}). Deadlines go on.`;
      }
      return `Nothing for now: the storm guard holds, since too many fell silent together. ${storm.until === null ? 'It begins with the next sweep' : `It lets go when that is over, at ${atWords(storm.until, now)} at the latest`}. Deadlines go on.`;
    case 'wait_to_be_heard':
      return `Nothing yet: it came due without being heard since, as in an outage, and is given time for a heartbeat. Then a sweep marks it stuck.`;
    case 'leave_for_budget':
      return `${capital(when)} leaves it for a later one${budget === null ? '' : `: ${budget.ahead} come before it, and a sweep takes ${budget.allowed}`}.`;
    case 'leave_locked':
      return `No sweep can take it: ${sessionWords(verdict.lockedBy)} has locked its row. Once that transaction has ended, a sweep marks it.`;
    case 'try_again':
      return `The database refused its mark; the event sweep.poisoned${verdict.poisoned === null ? '' : `, logged at ${atWords(verdict.poisoned.loggedAt, now)},`} has the error. Each sweep tries again.`;
    case 'refuse':
      return `Nothing: no sweep marks anything here. ${capital(refusal?.remedy ?? '')}.`;
    case 'unknown':
      return `It is not known: the storm guard's count took too long. ${capital(when)} marks it stuck, or holds.`;
  }
}

/** What would keep it from being marked. */
function heard({ rule, due }: Verdict): string {
  const first: DueRule | undefined = due.find((each) => (rule === null ? !each.isPassed : each.rule === rule));
  return first?.rule === 'stalled' ? 'reports progress' : 'is heard';
}

function retryNote({ isRetried }: NextSweep): string {
  return isRetried ? ' and tries it again' : '';
}

function stormNote({ storm }: NextSweep): string {
  if (storm.state === 'calm') return '';
  return storm.state === 'held'
    ? ', if the storm guard no longer holds then'
    : ', or a later one: after a storm a twentieth is marked per sweep';
}

function sessionWords(session: LockingSession | null): string {
  const { pid = null, applicationName = null } = session ?? {};
  const name = applicationName ? ` (${visible(applicationName)})` : '';
  return `the database session ${pid ?? 'of another client'}${name}`;
}

function ago(at: string, now: string): string {
  return duration(Date.parse(now) - Date.parse(at));
}

function inWords(at: string, now: string): string {
  const ms = Date.parse(at) - Date.parse(now);
  return ms <= 0 ? '' : ` (in ${duration(ms)})`;
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
