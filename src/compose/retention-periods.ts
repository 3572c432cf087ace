import type { Config } from '../config/config.ts';
import type { RetentionPeriods } from '../housekeeping/retention/cutoffs.ts';

export function retentionPeriods({ retentionDelegationsMs, retentionActivityMs }: Config): RetentionPeriods {
  return { delegationsMs: retentionDelegationsMs, activityMs: retentionActivityMs };
}
