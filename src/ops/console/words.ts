import type { MarkEvidence } from '../../sweeper/explanation/ending.ts';
import type { NextSweep, SweepAction } from '../../sweeper/explanation/next-sweep.ts';
import type { HeardBy, NotCounted, Threshold } from '../../sweeper/explanation/verdict.ts';

/** The words for what an explanation holds as a name. */

export const ruleWords: Readonly<Record<MarkEvidence['rule'], string>> = {
  overdue: 'overdue: past its deadline',
  stale: 'stale: silent for too long',
  stalled: 'stalled: without progress for too long',
};

export const heardByWords: Readonly<Record<HeardBy, string>> = {
  entry: 'when it began',
  heartbeat: 'by a heartbeat',
  resume: 'when its wait ended',
  end_of_wait: 'at the end of a wait that nobody ended',
};

export const gapWords: Readonly<Record<NotCounted['kind'], string>> = {
  unwatched: 'no daemon watched',
  clock_jump: 'the database’s clock was set forward',
  rewound: 'the database or its clock went back: nothing from before counts',
};

export const thresholdWords: Readonly<Record<Threshold['source'], string>> = {
  own: 'its own threshold',
  own_lowered: 'its own threshold of before it was lowered, until its agent is heard',
  stuck_after: 'STUCK_AFTER',
  stuck_after_lowered: 'STUCK_AFTER of before it was lowered, until its agent is heard',
  configuration: 'STUCK_AFTER of this daemon; none has run on this ledger yet',
};

export const actionWords: Readonly<Record<SweepAction, string>> = {
  nothing: 'nothing: it matches no rule',
  fail: 'mark it failed',
  mark_stuck: 'mark it stuck',
  ask_agent: 'ask its agent, and mark it stuck if that does not help',
  hold: 'hold it: it is not marked for now',
  wait_to_be_heard: 'give it time to be heard before it is marked',
  leave_for_budget: 'leave it for a later sweep: too many others come before it',
  leave_locked: 'leave it: another session has locked its row',
  try_again: 'try again to mark it, as the database refused before',
  refuse: 'nothing: silence cannot be judged on this ledger',
  unknown: 'not known: the storm guard could not count in time',
};

export const byWords: Readonly<Record<NextSweep['by'], string>> = {
  tick: 'by SWEEP_CRON',
  on_time: 'when it comes due',
};
