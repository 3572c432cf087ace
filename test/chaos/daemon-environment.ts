export interface DaemonOptions {
  readonly url: string;
  readonly stuckAfterMs: number;
  readonly retriesMax: number;
}

/** Small limits, so that a sweep has many batches, and a storm ends within the run. */
export function daemonEnvironment({ url, stuckAfterMs, retriesMax }: DaemonOptions): Record<string, string> {
  return {
    DATABASE_URL: url,
    STUCK_AFTER: `${stuckAfterMs}ms`,
    SWEEP_BATCH_SIZE: '2',
    RETRY_MAX_ATTEMPTS: String(retriesMax),
    STORM_MIN_STALE: '8',
    STORM_MAX_HOLD: '6s',
    OPS_PORT: '0',
    LOG_LEVEL: 'info',
  };
}
