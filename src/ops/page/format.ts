/** Formats of numbers, durations and instants on the page and in the command line's answers. */

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

const units = [
  { name: 'd', ms: 86_400_000 },
  { name: 'h', ms: 3_600_000 },
  { name: 'min', ms: 60_000 },
  { name: 's', ms: 1_000 },
] as const;

/** In the two largest units: `2 h 5 min`, `23 s`, `240 ms`. */
export function duration(ms: number): string {
  const whole = Math.max(0, Math.round(ms));
  if (whole < 1_000) return whole === 0 ? '0 s' : `${whole} ms`;
  const first = units.findIndex((unit) => whole >= unit.ms);
  const parts: string[] = [];
  let rest = whole;
  for (const { name, ms: unitMs } of units.slice(first, first + 2)) {
    const times = Math.floor(rest / unitMs);
    if (times > 0) parts.push(`${times} ${name}`);
    rest -= times * unitMs;
  }
  return parts.join(' ');
}

export function since(now: Date, then: Date): string {
  return duration(now.getTime() - then.getTime());
}

/** Time of day: `14:05`. */
export function clock(at: Date): string {
  return at.toISOString().slice(11, 16);
}

/** `14:05:09`, with the date unless it is today's. */
export function instant(at: Date, now: Date): string {
  const text = at.toISOString();
  const day = text.slice(0, 10);
  return day === now.toISOString().slice(0, 10) ? text.slice(11, 19) : `${day} ${text.slice(11, 19)}`;
}
