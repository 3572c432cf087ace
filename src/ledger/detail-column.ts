import type { Status } from './transitions.ts';

/** The column for the caller's text that goes with each status; null where there is none. */
export function detailColumnOf(status: Status): 'error_detail' | 'result_preview' | null {
  if (status === 'failed' || status === 'stuck') return 'error_detail';
  return status === 'completed' ? 'result_preview' : null;
}
