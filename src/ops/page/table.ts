import { type Html, html } from './html.ts';

export interface Column {
  readonly name: string;
  /** Of the style sheet; it sets the width. */
  readonly kind?: string;
}

export interface Table {
  /** Read out before the table; not seen, where the heading above says the same. */
  readonly caption: string;
  readonly columns: readonly Column[];
  /** One cell per column. The first one names its row. */
  readonly rows: readonly (readonly (Html | string | number | null)[])[];
}

/**
 * A table that becomes a list of cards on a narrow screen. The roles are written out, since a browser drops a table's own
 * ones when its rows are shown as blocks.
 */
export function stackedTable({ caption, columns, rows }: Table): Html {
  const heads = columns.map(
    ({ name, kind }) => html`<th role="columnheader" scope="col" class="${kind ?? ''}">${name}</th>`,
  );
  const bodies = rows.map(
    (cells) =>
      html`<tr role="row">${cells.map((cell, i) =>
        i === 0
          ? html`<th role="rowheader" scope="row" data-label="${columns[i]!.name}"><span>${cell}</span></th>`
          : html`<td role="cell" data-label="${columns[i]!.name}"><span>${cell}</span></td>`,
      )}</tr>`,
  );
  return html`<table role="table" class="stacked"><caption>${caption}</caption><thead role="rowgroup"><tr role="row">${heads}</tr></thead>
<tbody role="rowgroup">${bodies}</tbody></table>`;
}
