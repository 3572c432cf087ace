import type { Sight } from '../../../src/sweeper/advice/followed.ts';
import { Sample } from '../../../src/sweeper/advice/sample.ts';
import type { Gap } from '../../../src/sweeper/horizon.ts';

export const SECOND_US = 1_000_000;
export const INTERVAL_S = 10;

/** A delegation by its instants, in seconds. */
export interface Life {
  readonly delegationId: string;
  readonly calleeId: string;
  readonly ownMs?: number;
  readonly entered: number;
  /** Heartbeats that reached the database, ascending. */
  readonly stamps: readonly number[];
  readonly ended: number;
  readonly status?: 'completed' | 'failed' | 'stuck';
  readonly wait?: { readonly since: number; readonly until: number; readonly resumed: boolean };
}

/** What the row of a delegation says at an instant. */
export function sightAt({ entered, stamps, ended, status = 'completed', wait }: Life, at: number): Sight {
  const waits = wait !== undefined && wait.since <= at && !(wait.resumed && wait.until <= at) && at < ended;
  return {
    status: ended <= at ? status : 'in_progress',
    stampUs: (stamps[latest(stamps, at)] ?? entered) * SECOND_US,
    waitingSinceUs: waits ? wait.since * SECOND_US : null,
    waitingUntilUs: waits ? wait.until * SECOND_US : null,
    finishedUs: ended <= at ? ended * SECOND_US : null,
  };
}

/** The index of the last stamp that is not later; -1 for none. */
function latest(stamps: readonly number[], at: number): number {
  let [from, to] = [0, stamps.length];
  while (from < to) {
    const middle = (from + to) >> 1;
    if (stamps[middle]! <= at) from = middle + 1;
    else to = middle;
  }
  return from - 1;
}

export interface Outage {
  readonly from: number;
  readonly until: number;
}

/** A daemon that reads lives at its interval as the statement would. It reads nothing during an outage. */
export function sampled(lives: readonly Life[], { outages = [] }: { readonly outages?: readonly Outage[] } = {}) {
  const sample = new Sample(INTERVAL_S * 1000);
  const byId = new Map(lives.map((life) => [life.delegationId, life]));
  const inOrder = lives.toSorted((a, b) => a.entered - b.entered);
  const until = Math.max(...lives.map(({ ended }) => ended)) + INTERVAL_S;
  let next = 0;
  for (let at = 0; at <= until; at += INTERVAL_S) {
    if (outages.some((outage) => outage.from <= at && at < outage.until)) continue;
    const entered = [];
    for (; next < inOrder.length && inOrder[next]!.entered <= at; next += 1) entered.push(inOrder[next]!);
    sample.take({
      nowUs: at * SECOND_US,
      gaps: gapsUntil(outages, at),
      changed: sample.followed.map(({ delegationId }) => {
        const life = byId.get(delegationId);
        return { delegationId, sight: life === undefined ? null : sightAt(life, at) };
      }),
      entered: entered.map((life) => ({
        delegationId: life.delegationId,
        calleeId: life.calleeId,
        ownMs: life.ownMs ?? null,
        enteredUs: life.entered * SECOND_US,
        sight: sightAt(life, at),
      })),
      weight: 1,
    });
  }
  return { counts: sample.drain(), left: sample.followed };
}

function gapsUntil(outages: readonly Outage[], at: number): Gap[] {
  return outages
    .filter(({ until }) => until <= at)
    .map(({ from, until }) => ({ startUs: from * SECOND_US, endUs: until * SECOND_US, kind: 'unwatched' }));
}

/** Times between signs of life: the entry, the heartbeats, the completion. */
export function gapsOf({ entered, stamps, ended }: Life): number[] {
  const signs = [entered, ...stamps.filter((at) => at < ended), ended];
  return signs.slice(1).map((at, i) => at - signs[i]!);
}
