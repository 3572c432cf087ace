/** What comes of asking an agent for its task: the first four are told to the delegation, after the others it is marked. */
export const probeOutcomes = [
  'alive',
  'waiting',
  'completed',
  'failed',
  'unchanged',
  'unknown_task',
  'refused',
  'no_answer',
  'unusable',
  'not_asked',
] as const;
