import type { Status } from './transitions.ts';

/** The one column that goes with each status: what the caller may say about it. */
export function detailColumnOf(status: Status): 'error_detail' | 'result_preview' | null {
  if (status === 'failed' || status === 'stuck') return 'error_detail';
  return status === 'completed' ? 'result_preview' : null;
}
