import { type Html, html } from './html.ts';

/** A name and what is known of it. */
export type Fact = readonly [name: string, value: Html | string | number];

/** Names with their values, side by side. Null in place of a fact leaves it out. */
export function factsList(facts: readonly (Fact | null)[]): Html {
  const shown = facts.filter((fact) => fact !== null);
  return html`<dl class="facts">${shown.map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>`;
}
