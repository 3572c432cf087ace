import { type Html, html } from '../page/html.ts';

/** A line of a calculation. */
export interface Term {
  readonly name: string;
  readonly value: Html | string;
  /** Where the value comes from. */
  readonly note: Html | string | null;
  /** It follows from the lines above. */
  readonly isSum?: boolean;
}

/** A calculation, line by line. */
export function arithmetic(caption: string, terms: readonly Term[]): Html {
  const rows = terms.map(
    ({ name, value, note, isSum }) =>
      html`<tr class="${isSum ? 'sum' : ''}"><th scope="row">${name}</th><td class="number">${value}</td><td>${note}</td></tr>`,
  );
  return html`<table class="arithmetic"><caption>${caption}</caption><tbody>${rows}</tbody></table>`;
}
