import type { Config } from '../config/config.ts';
import type { ProbeOptions } from '../sweeper/probe/suspect-probe.ts';
import type { StatusOptions } from '../sweeper/status/status-reader.ts';
import type { SweeperOptions } from '../sweeper/sweeper-options.ts';

/** `probe`: what asks agents before their delegations are marked. */
export function sweeperOptions(config: Config, probe: ProbeOptions | undefined): SweeperOptions {
  return {
    stuckAfterMs: config.stuckAfterMs,
    batchRowsMax: config.sweepBatchSize,
    rowsMax: config.sweepMaxRows,
    storm: {
      minStale: config.stormMinStale,
      ratio: config.stormRatio,
      maxHoldMs: config.stormMaxHoldMs,
      minCallees: config.stormMinCallees,
    },
    retriesMax: config.retryMaxAttempts,
    ...(probe && { probe }),
  };
}

export function statusOptions(config: Config): StatusOptions {
  return {
    cron: { expression: config.sweepCron, timezone: config.sweepTz },
    stuckAfterMs: config.stuckAfterMs,
    stormMaxHoldMs: config.stormMaxHoldMs,
  };
}
