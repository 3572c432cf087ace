import { styleText } from 'node:util';
import truncatedWidth from 'fast-string-truncated-width';
import { visible } from '../log/visible.ts';

export type CellStyle = Parameters<typeof styleText>[0];

export interface TableColumn<Row> {
  readonly head: string;
  /** Null: an empty cell. A column whose cells are all empty is left out. */
  readonly text: (row: Row) => string | null;
  /** Never cut: what a person copies, such as an id. */
  readonly whole?: boolean;
  /** On a terminal. */
  readonly style?: (row: Row) => CellStyle | null;
}

export interface TableOptions {
  readonly terminal: boolean;
  /** Columns of the terminal. */
  readonly width?: number;
}

interface Cell {
  readonly text: string;
  readonly whole: boolean;
  readonly style: CellStyle | null;
}

const GAP = '  ';
const ELLIPSIS = '…';
const WIDTH_DEFAULT = 80;
/** A cell is not cut to less than this. */
const CUT_WIDTH_MIN = 8;
/** A longer cell that is never cut does not widen its column. */
const WHOLE_WIDTH_MAX = 60;

/**
 * Rows in aligned columns, under a line of heads. Characters that a terminal would obey are made visible. On a terminal a row
 * fits into its width: cells are cut, except `whole` ones; after one that is too long for its column the row goes on in
 * the next line. Elsewhere nothing is cut, and each row is one line.
 */
export function table<Row>(
  rows: readonly Row[],
  columns: readonly TableColumn<Row>[],
  { terminal, width = process.stdout.columns ?? WIDTH_DEFAULT }: TableOptions,
): string {
  const shown = columns.filter(({ text }) => rows.some((row) => (text(row) ?? '') !== ''));
  const lines: readonly Cell[][] = [
    shown.map(({ head, whole = false }) => ({ text: head, whole, style: 'bold' })),
    ...rows.map((row) =>
      shown.map(({ text, whole = false, style }) => ({
        text: visible(text(row) ?? ''),
        whole,
        style: style?.(row) ?? null,
      })),
    ),
  ];
  const natural = shown.map(({ whole = false }, column) => {
    const widest = Math.max(...lines.map((cells) => widthOf(cells[column]!.text)));
    return whole ? Math.min(widest, WHOLE_WIDTH_MAX) : widest;
  });
  const widths = terminal
    ? fitted(
        natural,
        shown.map(({ whole = false }) => whole),
        width,
      )
    : natural;
  return lines.map((cells) => (terminal ? terminalLine(cells, widths) : plainLine(cells, widths))).join('\n');
}

/** The widths with which a row fits: the widest of the columns that may be cut gives way first. */
function fitted(natural: readonly number[], whole: readonly boolean[], width: number): number[] {
  const widths = [...natural];
  for (;;) {
    const excess = totalOf(widths) - width;
    const cuttable = widths.filter((each, column) => !whole[column] && each > CUT_WIDTH_MIN);
    if (excess <= 0 || cuttable.length === 0) return widths;
    widths[widths.findIndex((each, column) => !whole[column] && each === Math.max(...cuttable))]! -= 1;
  }
}

function totalOf(widths: readonly number[]): number {
  return widths.reduce((total, each) => total + each, 0) + GAP.length * Math.max(0, widths.length - 1);
}

function plainLine(cells: readonly Cell[], widths: readonly number[]): string {
  return cells
    .map(({ text }, column) => padded(text, text, widths[column]!))
    .join(GAP)
    .trimEnd();
}

function terminalLine(cells: readonly Cell[], widths: readonly number[]): string {
  return cells
    .map(({ text, whole, style }, column) => {
      const kept = whole ? text : cutTo(text, widths[column]!);
      const coloured = style === null || kept === '' ? kept : styleText(style, kept, { stream: process.stdout });
      if (widthOf(kept) <= widths[column]!) return padded(coloured, kept, widths[column]!);
      return `${coloured}\n${' '.repeat(totalOf(widths.slice(0, column + 1)))}`;
    })
    .join(GAP)
    .trimEnd();
}

function padded(shown: string, text: string, width: number): string {
  return shown + ' '.repeat(Math.max(0, width - widthOf(text)));
}

function widthOf(text: string): number {
  return truncatedWidth(text).width;
}

function cutTo(text: string, limit: number): string {
  const { index, ellipsed } = truncatedWidth(text, { limit, ellipsis: ELLIPSIS, ellipsisWidth: 1 });
  return ellipsed ? text.slice(0, index) + ELLIPSIS : text.slice(0, index);
}
