import { describe, expect, test } from '@jest/globals';
import { activityEvents } from '../../src/ledger/activity.ts';
import {
  isLateResult,
  isStatus,
  isTerminal,
  mayBecome,
  openStatuses,
  type Status,
  sourcesOf,
  statuses,
  terminalStatuses,
  transitions,
} from '../../src/ledger/transitions.ts';

const pairs = statuses.flatMap((from) => statuses.map((to) => [from, to] as const));

describe('the lifecycle', () => {
  test('is the one of the contract', () => {
    expect(transitions).toEqual({
      queued: ['dispatched', 'in_progress', 'failed'],
      dispatched: ['in_progress', 'completed', 'failed'],
      in_progress: ['completed', 'failed', 'stuck'],
      completed: [],
      failed: [],
      stuck: [],
    });
    expect(pairs).toHaveLength(36);
  });

  test('only goes forward: no path leads from a status back to itself', () => {
    const reachable = (from: Status): Status[] => transitions[from].flatMap((to) => [to, ...reachable(to)]);
    for (const status of statuses) expect(reachable(status)).not.toContain(status);
  });

  test('every derived answer agrees with the table', () => {
    for (const [from, to] of pairs) {
      const legal = (transitions[from] as readonly Status[]).includes(to);
      expect([from, to, mayBecome(from, to)]).toEqual([from, to, legal]);
      expect([from, to, sourcesOf(to).includes(from)]).toEqual([from, to, legal]);
    }
    expect(terminalStatuses).toEqual(['completed', 'failed', 'stuck']);
    expect(openStatuses).toEqual(['queued', 'dispatched', 'in_progress']);
    expect(statuses.filter(isTerminal)).toEqual(terminalStatuses);
  });

  test('every open status can fail, so that every deadline can be enforced', () => {
    expect(sourcesOf('failed')).toEqual(openStatuses);
  });

  test('each status has one activity event, and some events are no transitions', () => {
    expect(activityEvents).toEqual([
      ...statuses.map((status) => `delegation.${status}`),
      'delegation.late_result',
      'delegation.orphan_update',
      'delegation.waiting',
      'delegation.resumed',
      'delegation.adjusted',
      'delegation.probed',
      'delegation.healed',
    ]);
  });

  test.each([undefined, null, '', 'STUCK', 'stuck ', 'toString', '__proto__', 'constructor', 3, ['stuck']])(
    '%p is not a status',
    (value) => expect(isStatus(value)).toBe(false),
  );

  test('only an end that the row cannot take is a late result', () => {
    const late = (hasNewPayload: boolean) =>
      pairs.filter(([from, to]) => isLateResult(from, to, hasNewPayload)).map((pair) => pair.join(' '));
    const results = ['queued completed', 'completed failed', 'failed completed', 'stuck completed', 'stuck failed'];
    expect(late(false)).toEqual(results);
    expect(late(true)).toEqual([
      'queued completed',
      'queued stuck',
      'dispatched stuck',
      'completed completed',
      'completed failed',
      'completed stuck',
      'failed completed',
      'failed failed',
      'failed stuck',
      'stuck completed',
      'stuck failed',
      'stuck stuck',
    ]);
    for (const [from, to] of pairs) if (isLateResult(from, to, true)) expect(mayBecome(from, to)).toBe(false);
  });
});
