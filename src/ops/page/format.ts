import { duration } from '../../log/duration.ts';

/** Formats of numbers, durations and instants on the page and in the command line's answers. */

export { duration } from '../../log/duration.ts';
export { instant } from '../../log/instant.ts';

const numbers = new Intl.NumberFormat('en');
const compactNumbers = new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 1 });
const percentages = new Intl.NumberFormat('en', { style: 'percent', maximumFractionDigits: 1 });

export function count(value: number): string {
  return numbers.format(value);
}

/** In at most five characters: 1.2K. */
export function compact(value: number): string {
  return compactNumbers.format(value);
}

export function percentage(ratio: number): string {
  return percentages.format(ratio);
}

export function since(now: Date, then: Date): string {
  return duration(now.getTime() - then.getTime());
}

/** Time of day: `14:05`. */
export function clock(at: Date): string {
  return at.toISOString().slice(11, 16);
}
