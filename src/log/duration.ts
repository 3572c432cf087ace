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
