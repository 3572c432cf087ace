import type { OperatorHold } from '../../sweeper/hold/operator-hold.ts';
import { instant } from './format.ts';
import { type Html, html } from './html.ts';

/** The latest holds of operators, each with its end. Null: there was none. */
export function holdsSection(holds: readonly OperatorHold[], now: Date): Html | null {
  if (holds.length === 0) return null;
  return html`<section><h2>Latest holds by operators</h2><ul class="holds">${holds.map((hold) => line(hold, now))}</ul></section>`;
}

function line(hold: OperatorHold, now: Date): Html {
  const { madeAt, madeBy, reason } = hold;
  return html`<li>${instant(madeAt, now)} UTC, by ${madeBy}: “${reason}”; ${endOf(hold, now)}</li>`;
}

function endOf({ until, endedAt, endedWhy, endedBy }: OperatorHold, now: Date): string {
  if (endedAt === null) return until > now ? `until ${instant(until, now)} UTC` : `ended at ${instant(until, now)} UTC`;
  const end = `at ${instant(endedAt, now)} UTC`;
  if (endedWhy === 'operator') return `released by ${endedBy} ${end}`;
  return endedWhy === 'replaced' ? `replaced by ${endedBy} ${end}` : `ended by itself ${end}`;
}
