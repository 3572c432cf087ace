import { percentage } from '../../ops/page/format.ts';
import { check } from '../check.ts';

export const falsePositives = check({
  name: 'false-positives',
  about:
    'Delegations that were marked stuck in the last day and delivered a result all the same: their agents were alive.',
  faults: {
    late_results: {
      severity: 'advice',
      when: 'A delegation that was marked stuck still delivered a result',
      remedy:
        "Raise the threshold (STUCK_AFTER, or one of the delegation's own), or let those agents send heartbeats more often. Their results are in the activity, as `delegation.late_result`.",
    },
  },
  read: async (subject) => (await subject.status.status()).day,
  judge({ stuck, lateResults, falsePositiveRatio }) {
    if (lateResults === 0) return [{ note: `${stuck} marked stuck in the last day; none delivered a result` }];
    const share = falsePositiveRatio === null ? '' : ` (${percentage(falsePositiveRatio)})`;
    const how = `${lateResults} late results for ${stuck} marked stuck in the last day${share}`;
    return [{ fault: 'late_results', what: 'Living agents were marked stuck', how }];
  },
});
