export interface Backoff {
  /** Upper bound of the first wait. */
  readonly baseMs: number;
  /** Upper bound of every wait. */
  readonly maxMs: number;
  /** From 0 to 1, exclusive. */
  readonly random?: () => number;
}

/**
 * How long to wait after the attempt with this number, counted from 1: a random time from 0 up to a bound that doubles
 * with each attempt. Full jitter, so that replicas do not all retry at the same moment
 * (https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/).
 */
export function backoffMs(attempt: number, { baseMs, maxMs, random = Math.random }: Backoff): number {
  const boundMs = Math.min(maxMs, baseMs * 2 ** (attempt - 1));
  return Math.floor(random() * boundMs);
}
