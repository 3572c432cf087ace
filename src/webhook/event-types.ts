/** What a webhook is told. */
export const webhookEventTypes = [
  'delegation.stuck.v1',
  'delegation.failed.v1',
  'delegation.late_result.v1',
  'sweep.held.v1',
  'sweep.released.v1',
] as const;
