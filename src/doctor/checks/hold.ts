import { duration } from '../../log/duration.ts';
import { check } from '../check.ts';

export const hold = check({
  name: 'hold',
  about: 'Whether the storm guard holds the rules about silence.',
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
  },
  read: (subject) => subject.status.status(),
  judge({ now, storm: { state, since, until } }) {
    if (state === 'calm' || since === null) return [];
    const age = duration(now.getTime() - since.getTime());
    if (state === 'released') {
      return [
        { fault: 'released', what: 'A hold of the storm guard ran out', how: `it ended ${age} ago without calm` },
      ];
    }
    const left = until === null ? '' : `, for another ${duration(until.getTime() - now.getTime())} at most`;
    return [{ fault: 'storm', what: 'The storm guard holds: nothing is marked stuck', how: `since ${age}${left}` }];
  },
});
