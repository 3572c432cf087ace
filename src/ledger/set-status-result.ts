import type { Status } from './transitions.ts';

/**
 * `changed`: moved from `from`. `unchanged`: it had that status already; with `in_progress` that means that somebody else
 * works on it, or that this is the repetition of an own call whose answer was lost. `refused`: the forward-only guard said
 * no; a result was recorded all the same, as `delegation.late_result`. So is another result of one that is `unchanged`.
 * `missing`: no such delegation; recorded as `delegation.orphan_update`, for a reconciler.
 */
export type SetStatusResult =
  | { readonly outcome: 'changed'; readonly from: Status; readonly to: Status }
  | { readonly outcome: 'unchanged'; readonly from: Status; readonly to: Status }
  | { readonly outcome: 'refused'; readonly from: Status; readonly to: Status }
  | { readonly outcome: 'missing'; readonly from: null; readonly to: Status };
