import { duration } from '../ops/page/format.ts';

/** A name and its value, one line of an answer for people. */
export type Fact = readonly [name: string, value: string];

export interface FactSection {
  readonly title: string;
  readonly facts: readonly Fact[];
}

/** In this order, without those that are null. */
export function facts(values: Readonly<Record<string, string | null>>): Fact[] {
  return Object.entries(values).flatMap(([name, value]): Fact[] => (value === null ? [] : [[name, value]]));
}

/** An instant, and how long ago it was, or how far it lies ahead. */
export function when(at: string | null, now: string): string | null {
  if (at === null) return null;
  const agoMs = Date.parse(now) - Date.parse(at);
  return `${at} (${agoMs >= 0 ? `${duration(agoMs)} ago` : `in ${duration(-agoMs)}`})`;
}
