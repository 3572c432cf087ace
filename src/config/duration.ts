import { type Value, value } from './value.ts';

const unitMs = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const pattern = /^(\d{1,12})(ms|s|m|h|d)$/;

/** Milliseconds of an integer with a unit, such as `10m`; null when the text is not one. */
export function durationMs(text: string): number | null {
  const [, amount, unit] = pattern.exec(text) ?? [];
  return amount === undefined ? null : Number(amount) * unitMs[unit as keyof typeof unitMs];
}

/** The same as text, in the largest unit in which it is a whole number. */
export function durationText(ms: number): string {
  const [unit, perUnit] = Object.entries(unitMs).findLast(([, each]) => ms % each === 0) ?? ['ms', 1];
  return `${ms / perUnit}${unit}`;
}

/** A duration between two others, both included. The value is in milliseconds. */
export function duration(min: string, max: string): Value<number> {
  return value(acceptedOf(min, max), refusalOf(min, max), (text) => durationMs(text)!);
}

/** The same, or `off`, of which the value is null. */
export function durationOrOff(min: string, max: string): Value<number | null> {
  const refusal = refusalOf(min, max);
  return value(
    `off, or ${acceptedOf(min, max)}`,
    (text) => (text === 'off' ? null : refusal(text)),
    (text) => durationMs(text),
  );
}

function acceptedOf(min: string, max: string): string {
  return `a duration from ${min} to ${max}: an integer and a unit (ms, s, m, h, d), such as 10m`;
}

/** Of a text that is none, or one beyond the bounds. */
function refusalOf(min: string, max: string): (text: string) => string | null {
  const minMs = durationMs(min)!;
  const maxMs = durationMs(max)!;
  return (text) => {
    const ms = durationMs(text);
    if (ms === null) return '';
    if (ms < minMs) return `less than ${min}`;
    return ms > maxMs ? `more than ${max}` : null;
  };
}
