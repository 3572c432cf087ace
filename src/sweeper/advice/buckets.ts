/** Each bucket ends 5 % later than the one before. */
export const BUCKET_GROWTH = 1.05;
/** Three months: longer than any threshold. What is longer is counted in the last bucket. */
const LONGEST_MS = 90 * 86_400_000;
/** What lies on a bucket's end to within rounding belongs to it. */
const ROUNDING = 1e-9;

/** How often each duration was seen, by bucket. A bucket holds what is longer than the one before ends, up to its own end. */
export type Histogram = Map<number, number>;

/** The same as stored: bucket to count. */
export type StoredHistogram = Readonly<Record<string, number>>;

export function bucketOf(ms: number): number {
  if (ms <= 1) return 0;
  return Math.ceil(Math.log(Math.min(ms, LONGEST_MS)) / Math.log(BUCKET_GROWTH) - ROUNDING);
}

/** The longest duration that the bucket holds. */
export function endOf(bucket: number): number {
  return BUCKET_GROWTH ** bucket;
}

export function add(histogram: Histogram, ms: number, count = 1): void {
  const bucket = bucketOf(ms);
  histogram.set(bucket, (histogram.get(bucket) ?? 0) + count);
}

export function total(histogram: Histogram): number {
  return [...histogram.values()].reduce((sum, count) => sum + count, 0);
}

/** A duration that this share of what was seen does not exceed, rounded up to a bucket's end; null when nothing was seen. */
export function quantile(histogram: Histogram, share: number): number | null {
  const rank = Math.ceil(total(histogram) * share - ROUNDING);
  let seen = 0;
  for (const [bucket, count] of inOrder(histogram)) {
    seen += count;
    if (seen >= rank) return endOf(bucket);
  }
  return null;
}

/** Shortest first. */
export function inOrder(histogram: Histogram): [number, number][] {
  return [...histogram].sort(([a], [b]) => a - b);
}

export function stored(histogram: Histogram): StoredHistogram {
  return Object.fromEntries(histogram);
}

export function histogramOf(counts: StoredHistogram): Histogram {
  return new Map(Object.entries(counts).map(([bucket, count]) => [Number(bucket), count]));
}
