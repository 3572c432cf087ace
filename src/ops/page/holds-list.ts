import type { OperatorHold } from '../../sweeper/hold/operator-hold.ts';
import { type Html, html } from './html.ts';
import { time } from './time.ts';

/** The latest holds of operators, each with its end. Null: there was none. */
export function holdsSection(holds: readonly OperatorHold[], now: Date): Html | null {
  if (holds.length === 0) return null;
  return html`<section><h2>Latest holds by operators</h2><ul class="holds">${holds.map((hold) => line(hold, now))}</ul></section>`;
}

function line(hold: OperatorHold, now: Date): Html {
  const { madeAt, madeBy, reason } = hold;
  return html`<li>${time(madeAt, now)} UTC, by ${madeBy}: “${reason}”; ${endOf(hold, now)}</li>`;
}

function endOf({ until, endedAt, endedWhy, endedBy }: OperatorHold, now: Date): Html {
  if (endedAt === null) return html`${until > now ? 'until' : 'ended at'} ${time(until, now)} UTC`;
  const end = html`at ${time(endedAt, now)} UTC`;
  if (endedWhy === 'operator') return html`released by ${endedBy} ${end}`;
  return endedWhy === 'replaced' ? html`replaced by ${endedBy} ${end}` : html`ended by itself ${end}`;
}
