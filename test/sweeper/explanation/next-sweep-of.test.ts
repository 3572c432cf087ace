import { describe, expect, test } from '@jest/globals';
import { nextSweepOf, type Prospects } from '../../../src/sweeper/explanation/next-sweep-of.ts';
import type { DueRule, Verdict } from '../../../src/sweeper/explanation/verdict.ts';
import { MICROS_PER_MS } from '../../../src/sweeper/instant.ts';
import type { RuleName } from '../../../src/sweeper/pass/rules.ts';

const NOW_MS = Date.parse('2026-01-01T10:10:00.000Z');
const at = (minutes: number) => new Date(NOW_MS + minutes * 60_000).toISOString();

/** The next tick is in 50 minutes, the last sweep was ten minutes ago. */
const hourly = { expression: '0 * * * *', timezone: 'UTC' };
const sweptAt = at(-10);
const byTicks = { onTime: false };

function dueIn(minutes: Partial<Record<RuleName, number>>): DueRule[] {
  return Object.entries(minutes)
    .map(([rule, inMinutes]) => ({ rule: rule as RuleName, at: at(inMinutes), isPassed: inMinutes < 0 }))
    .toSorted((a, b) => a.at.localeCompare(b.at));
}

function verdict(minutes: Partial<Record<RuleName, number>>): Verdict {
  const due = dueIn(minutes);
  return {
    rule: due.find(({ isPassed }) => isPassed)?.rule ?? null,
    due,
    silence: null,
    progress: null,
    waiting: null,
    deadline: { at: at(minutes.overdue ?? 600), jumpedMs: 0, leftMs: 1 },
    poisoned: null,
    lockedBy: null,
  };
}

const quiet = { stale: 1, silent: 1, inFlight: 9, callees: [] };
const rule = { staleness: null as never, rowsMax: 100, chosen: { refused: [], asked: [] } };

interface Case {
  readonly due: Partial<Record<RuleName, number>>;
  readonly holdMinutes: number | null;
  readonly more?: Partial<Prospects>;
}

function nextSweep({ due, holdMinutes, more }: Case) {
  const {
    actionNow,
    action,
    by,
    at: nextAt,
  } = nextSweepOf({
    delegationId: 'job-1',
    nowUs: NOW_MS * MICROS_PER_MS,
    verdict: verdict(due),
    forecast: {
      held: holdMinutes !== null,
      storm: quiet,
      rules: { overdue: rule, stale: rule, stalled: rule },
    } as never,
    isGivenTime: false,
    budget: { ahead: 0, allowed: 100 },
    task: null,
    isRetried: false,
    cron: hourly,
    onTime: true,
    daemons: 1,
    sweptAt: new Date(sweptAt),
    isSweeping: true,
    judgedAt: new Date(sweptAt),
    storm: { state: 'calm', since: null, until: null } as never,
    hold: holdMinutes === null ? null : { by: 'ada', reason: 'planned work', since: sweptAt, until: at(holdMinutes) },
    refusal: null,
    ...more,
  });
  return { actionNow, action, by, inMinutes: nextAt === null ? null : (Date.parse(nextAt) - NOW_MS) / 60_000 };
}

describe('a delegation that is stale already, while an operator holds', () => {
  const due = { stale: -30, overdue: 600 };

  test.each([1, 5, 49])('is marked when the hold ends, in %d min, before the next tick', (holdMinutes) => {
    expect(nextSweep({ due, holdMinutes })).toEqual({
      actionNow: 'hold',
      action: 'mark_stuck',
      by: 'on_time',
      inMinutes: holdMinutes,
    });
  });

  test.each([5, 50])('is marked by the tick after a hold of %d min where only the ticks sweep', (holdMinutes) => {
    expect(nextSweep({ due, holdMinutes, more: byTicks })).toEqual({
      actionNow: 'hold',
      action: 'mark_stuck',
      by: 'tick',
      inMinutes: 50,
    });
  });

  test.each([
    [51, {}],
    [600, {}],
    [51, byTicks],
  ])('is held by a tick that comes before the end of a hold of %d min, %j', (holdMinutes, more) => {
    expect(nextSweep({ due, holdMinutes, more })).toEqual({
      actionNow: 'hold',
      action: 'hold',
      by: 'tick',
      inMinutes: 50,
    });
  });

  test('is left to the tick after the hold while the storm guard holds as well', () => {
    const storm = { state: 'held', since: null, until: null } as never;
    expect(nextSweep({ due, holdMinutes: 5, more: { storm } })).toMatchObject({ by: 'tick', inMinutes: 50 });
  });

  test('fails on time when its deadline passes before the hold ends', () => {
    expect(nextSweep({ due: { stale: -30, overdue: 3 }, holdMinutes: 5 })).toEqual({
      actionNow: 'hold',
      action: 'fail',
      by: 'on_time',
      inMinutes: 3,
    });
  });

  test('fails by a tick that finds both: an overdue delegation is not stale', () => {
    expect(nextSweep({ due: { stale: -30, overdue: 20 }, holdMinutes: 90, more: byTicks })).toEqual({
      actionNow: 'hold',
      action: 'fail',
      by: 'tick',
      inMinutes: 50,
    });
  });

  test('is tried again after the hold where the database refused its mark', () => {
    const poisoned = { ...verdict(due), poisoned: { loggedAt: at(-20) } };
    expect(nextSweep({ due, holdMinutes: 5, more: { verdict: poisoned } })).toMatchObject({
      action: 'try_again',
      inMinutes: 5,
    });
  });
});

describe.each(['stale', 'stalled'] as const)('a delegation that comes due by the rule %s', (name) => {
  const due = { [name]: 30, overdue: 600 };

  test.each([
    [5, 30],
    [29, 30],
    [40, 40],
  ])('with a hold of %d min, is marked in %d min', (holdMinutes, inMinutes) => {
    expect(nextSweep({ due, holdMinutes })).toEqual({
      actionNow: 'nothing',
      action: 'mark_stuck',
      by: 'on_time',
      inMinutes,
    });
  });

  test.each([
    [5, 'mark_stuck'],
    [40, 'mark_stuck'],
    [55, 'hold'],
  ])('with a hold of %d min and without sweeps on time, meets the tick: %s', (holdMinutes, action) => {
    expect(nextSweep({ due, holdMinutes, more: byTicks })).toEqual({
      actionNow: 'nothing',
      action,
      by: 'tick',
      inMinutes: 50,
    });
  });

  test('without a hold, is marked when it comes due', () => {
    expect(nextSweep({ due, holdMinutes: null })).toMatchObject({
      action: 'mark_stuck',
      by: 'on_time',
      inMinutes: 30,
    });
  });
});

test('a hold puts off no deadline', () => {
  expect(nextSweep({ due: { overdue: 20 }, holdMinutes: 600 })).toEqual({
    actionNow: 'nothing',
    action: 'fail',
    by: 'on_time',
    inMinutes: 20,
  });
});

test('what the last sweep left waits for the next tick, without a hold', () => {
  expect(nextSweep({ due: { stale: -30, overdue: 600 }, holdMinutes: null })).toEqual({
    actionNow: 'mark_stuck',
    action: 'mark_stuck',
    by: 'tick',
    inMinutes: 50,
  });
});
