import { duration } from '../../log/duration.ts';
import { check } from '../check.ts';

/** An operator's hold that has lasted for longer may have been forgotten. */
const OPERATOR_MAX_MS = 3_600_000;

export const hold = check({
  name: 'hold',
  about: 'Whether the storm guard, or an operator, holds the rules about silence.',
  faults: {
    storm: {
      severity: 'problem',
      when: 'The storm guard holds: many agents fell silent together, and nothing is marked stuck meanwhile',
      remedy:
        'Find what the silent agents share: a node, a network, a release, a route to the database (`delegation-sweeper status`). Where they are dead: `delegation-sweeper sweep --force`.',
    },
    released: {
      severity: 'problem',
      when: 'A hold of the storm guard ran out (STORM_MAX_HOLD), and the agents are still silent: a twentieth of them is marked stuck each sweep',
      remedy: 'As for a hold. `delegation-sweeper sweep --dry-run` names those that come next.',
    },
    operator: {
      severity: 'advice',
      when: `An operator has held the rules for over ${duration(OPERATOR_MAX_MS)}: nothing is marked stuck meanwhile`,
      remedy: 'Where its reason has passed: `delegation-sweeper release`.',
    },
  },
  read: (subject) => subject.status.status(),
  judge({ now, storm: { state, since, until }, hold: held }) {
    const ago = (at: Date) => duration(now.getTime() - at.getTime());
    const left = (at: Date) => `for another ${duration(at.getTime() - now.getTime())} at most`;
    if (held?.by === 'operator') {
      const how = `by ${held.madeBy} (role ${held.madeRole}) since ${ago(held.since)}, ${left(held.until)}: ${held.reason}`;
      return now.getTime() - held.since.getTime() > OPERATOR_MAX_MS
        ? [{ fault: 'operator', what: 'An operator holds the rules about silence', how }]
        : [{ note: `held ${how}` }];
    }
    if (state === 'calm' || since === null) return [];
    if (state === 'released') {
      return [
        {
          fault: 'released',
          what: 'A hold of the storm guard ran out',
          how: `it ended ${ago(since)} ago without calm`,
        },
      ];
    }
    const how = `since ${ago(since)}${until === null ? '' : `, ${left(until)}`}`;
    return [{ fault: 'storm', what: 'The storm guard holds: nothing is marked stuck', how }];
  },
});
