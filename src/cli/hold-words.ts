import { visible } from '../log/visible.ts';
import { duration } from '../ops/page/format.ts';
import type { OperatorHold } from '../sweeper/hold/operator-hold.ts';
import type { HoldResult } from '../sweeper/hold/operator-holds.ts';

export function heldWords({ hold, replaced }: HoldResult, terminal: boolean): string {
  const { until, madeAt, madeBy, reason } = hold;
  const length = duration(until.getTime() - madeAt.getTime());
  const lines = [
    `Held ${terminal ? `for ${length}` : `until ${until.toISOString()}, for ${length}`}, by ${visible(madeBy)}: ${visible(reason)}`,
    replaced !== null &&
      `It replaces the hold by ${visible(replaced.madeBy)} until ${replaced.until.toISOString()}: ${visible(replaced.reason)}`,
    'Until it ends no delegation is marked stuck; deadlines go on. A batch that had begun before may still be committed.',
    'To end it sooner: delegation-sweeper release',
  ];
  return lines.filter((line) => line !== false).join('\n');
}

/** Null: nothing was held. */
export function releasedWords(ended: OperatorHold | null): string {
  if (ended === null) {
    return 'No operator holds: nothing to release. `status` shows whether the storm guard does; `sweep --force` ignores that for one sweep.';
  }
  const { since, endedAt, madeBy, reason } = ended;
  return [
    `Released after ${duration(endedAt!.getTime() - since.getTime())}: the hold by ${visible(madeBy)}: ${visible(reason)}`,
    'The next sweep judges what was silent meanwhile, under the storm guard as ever.',
  ].join('\n');
}
