import type { Status } from '../../index.ts';

const GIVEN_UP = 'given up: ';

/** Why a task failed that its agent did not end, for its caller. */
export function whyGivenUp(status: Status, errorDetail: string | null): string {
  return `${GIVEN_UP}the delegation is ${status}${errorDetail === null ? '' : `: ${errorDetail}`}`;
}

/** Whether a task's last words are those. */
export function saysGivenUp(text: string): boolean {
  return text.startsWith(GIVEN_UP);
}
