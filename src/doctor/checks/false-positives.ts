import { percentage } from '../../ops/page/format.ts';
import { check } from '../check.ts';

// As the alert DelegationSweeperLateResults has it (deploy/prometheus/rules.yml).
const SHARE_MAX = 0.05;
/** With fewer the share says nothing. */
const STUCK_MIN = 20;

export const falsePositives = check({
  name: 'false-positives',
  about:
    'Delegations that were marked stuck in the last day and delivered a result all the same: their agents were alive.',
  faults: {
    late_results: {
      severity: 'advice',
      when: `Over ${SHARE_MAX * 100} % of the delegations that were marked stuck in the last day, of ${STUCK_MIN} or more, still delivered a result`,
      remedy:
        "Raise the threshold (STUCK_AFTER, or one of the delegation's own), or let those agents send heartbeats more often. Their results are in the activity, as `delegation.late_result`.",
    },
  },
  read: async (subject) => (await subject.status.status()).day,
  judge({ stuck, lateResults, falsePositiveRatio }) {
    if (lateResults === 0) return [{ note: `${stuck} marked stuck in the last day; none delivered a result` }];
    const share = falsePositiveRatio === null ? '' : ` (${percentage(falsePositiveRatio)})`;
    const how = `${lateResults} late results for ${stuck} marked stuck in the last day${share}`;
    if (stuck < STUCK_MIN || lateResults / stuck <= SHARE_MAX) return [{ note: how }];
    return [{ fault: 'late_results', what: 'Living agents were marked stuck', how }];
  },
});
