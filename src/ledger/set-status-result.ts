import type { Status } from './transitions.ts';

/**
 * `changed`: moved from `from`. `unchanged`: it had that status already; with `in_progress` another agent works on it, or
 * this repeats an own call whose answer was lost. `refused`: a status only goes forward; a result was still recorded, as
 * `delegation.late_result`. So was another result than the row's with `unchanged`. `missing`: no such delegation;
 * recorded as `delegation.orphan_update`, for a reconciler.
 */
export type SetStatusResult =
  | { readonly outcome: 'changed'; readonly from: Status; readonly to: Status }
  | { readonly outcome: 'unchanged'; readonly from: Status; readonly to: Status }
  | { readonly outcome: 'refused'; readonly from: Status; readonly to: Status }
  | { readonly outcome: 'missing'; readonly from: null; readonly to: Status };
