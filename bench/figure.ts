/** One measured number, with its limit. */
export interface Figure {
  readonly what: string;
  readonly value: number;
  readonly unit: string;
  readonly limit?: { readonly atMost: number } | { readonly atLeast: number };
  /** The samples of which the value is the median. */
  readonly samples?: readonly number[];
  readonly note?: string;
}

/** Points of a chart. */
export interface Series {
  readonly name: string;
  readonly points: readonly { readonly x: number | string; readonly y: number }[];
}

export interface Picture {
  /** Also its file: docs/images/<id>.svg. */
  readonly id: string;
  readonly title: string;
  readonly xLabel: string;
  readonly yLabel: string;
  readonly kind: 'bars' | 'lines';
  readonly series: readonly Series[];
}

/** A table of its own, in the document. */
export interface Table {
  readonly id: string;
  readonly header: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

export interface Findings {
  /** Where they are published: docs/<name>.md. Default: performance. */
  readonly document?: 'performance' | 'reliability';
  readonly figures: readonly Figure[];
  readonly pictures?: readonly Picture[];
  readonly tables?: readonly Table[];
}

export function passes({ value, limit }: Figure): boolean | null {
  if (!limit) return null;
  return 'atMost' in limit ? value <= limit.atMost : value >= limit.atLeast;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** A figure that is the median of its samples. */
export function medianFigure(
  what: string,
  unit: string,
  samples: readonly number[],
  rest: Pick<Figure, 'limit' | 'note'> = {},
): Figure {
  return { what, unit, value: median(samples), samples, ...rest };
}
