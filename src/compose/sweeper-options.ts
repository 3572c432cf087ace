import type { Config } from '../config/config.ts';
import type { StatusOptions } from '../sweeper/status/status-reader.ts';
import type { SweeperOptions } from '../sweeper/sweeper-options.ts';

export function sweeperOptions(config: Config): SweeperOptions {
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
  };
}

export function statusOptions(config: Config): StatusOptions {
  return {
    cron: { expression: config.sweepCron, timezone: config.sweepTz },
    stuckAfterMs: config.stuckAfterMs,
    stormMaxHoldMs: config.stormMaxHoldMs,
  };
}
