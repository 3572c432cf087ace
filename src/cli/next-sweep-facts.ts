import { visible } from '../log/visible.ts';
import { count } from '../ops/page/format.ts';
import type { NextSweep, SweepAction } from '../sweeper/explanation/next-sweep.ts';
import { type Fact, facts, when } from './fact.ts';

const actions: Readonly<Record<SweepAction, string>> = {
  nothing: 'nothing',
  fail: 'fails it',
  mark_stuck: 'marks it stuck',
  ask_agent: 'asks its agent first',
  hold: 'holds',
  wait_to_be_heard: 'gives it time to be heard',
  leave_for_budget: 'leaves it for a later one',
  leave_locked: 'leaves it, since it is locked',
  try_again: 'tries again what the database refused',
  refuse: 'marks nothing here',
  unknown: 'not known',
};

export function nextSweepFacts(next: NextSweep, now: string): Fact[] {
  const { actionNow, action, at, by, tickAt, daemons, sweptAt, isSweeping, budget, storm, hold } = next;
  const { signs } = storm;
  return facts({
    'a sweep now': actions[actionNow],
    'the next that acts': `${actions[action]}${at === null ? '' : `, ${when(at, now)}, ${by === 'tick' ? 'on a tick' : 'when it comes due'}`}`,
    'next tick': when(tickAt, now),
    daemons: `${count(daemons)}${daemons === 0 ? ': nobody sweeps' : ''}`,
    'last sweep':
      sweptAt === null
        ? 'none has completed'
        : `${when(sweptAt, now)}${isSweeping ? '' : ', three ticks have passed since'}`,
    'before it': budget && `${count(budget.ahead)} others; one sweep takes ${count(budget.allowed)}`,
    storm:
      storm.state === 'calm'
        ? null
        : `${storm.state} since ${when(storm.since, now)}${storm.until === null ? '' : `, until ${when(storm.until, now)} at the latest`}`,
    'silent together':
      signs === null || signs.inFlight === 0
        ? null
        : `${count(signs.silent)} of ${count(signs.inFlight)} in progress, ${count(signs.stale)} of them stale${signs.callees.length === 0 ? '' : `: ${signs.callees.map(({ calleeId, count: rows }) => `${visible(calleeId)} ${count(rows)}`).join(', ')}`}`,
    hold:
      hold &&
      `by ${visible(hold.by)} since ${when(hold.since, now)} until ${when(hold.until, now)}: ${visible(hold.reason)}`,
    refused: next.refusal?.remedy ?? null,
  });
}
