const [SECOND, MINUTE, HOUR, DAY] = [1_000, 60_000, 3_600_000, 86_400_000];

/** Thresholds that people would write, in milliseconds: from a second to thirty days, the bounds of STUCK_AFTER. */
const readable: readonly number[] = [
  ...[1, 2, 3, 4, 5, 6, 8, 10, 12, 15, 20, 25, 30, 40, 50].map((n) => n * SECOND),
  ...[60, 75, 90].map((n) => n * SECOND),
  ...[2, 2.5, 3, 4, 5, 6, 7, 8, 10, 12, 15, 20, 25, 30, 40, 50].map((n) => n * MINUTE),
  ...[60, 75, 90].map((n) => n * MINUTE),
  ...[2, 2.5, 3, 4, 5, 6, 8, 10, 12, 16, 20].map((n) => n * HOUR),
  ...[1, 1.5, 2, 3, 4, 5, 6, 7, 10, 14, 20, 25, 30].map((n) => n * DAY),
];

/** The next of them that is not shorter; thirty days for what is longer. */
export function roundedUp(ms: number): number {
  return readable.find((each) => each >= ms) ?? readable.at(-1)!;
}
