import { instant, Statement, wholeNumber } from '../../db/positional-statement.ts';
import type { SweeperTables } from '../tables.ts';

/** The sweep that began last, by any replica. */
export interface LastSweep {
  readonly startedAt: Date;
  readonly trigger: string;
  readonly stuck: number;
  readonly failed: number;
  readonly poisoned: number;
  readonly remaining: number;
  readonly truncated: boolean;
  readonly held: boolean;
  readonly durationMs: number;
  readonly unobservedMs: number;
}

export function lastSweepStatement({ sweeps }: SweeperTables): Statement<LastSweep> {
  return new Statement(
    `
SELECT ${instant('started_at')} AS "startedAt", trigger AS "trigger", stuck AS "stuck", failed AS "failed", poisoned AS "poisoned",
  remaining AS "remaining", truncated AS "truncated", held AS "held", ${wholeNumber('duration_ms')} AS "durationMs",
  ${wholeNumber('unobserved_ms')} AS "unobservedMs"
FROM ${sweeps} ORDER BY started_at DESC LIMIT 1`,
    ['startedAt'],
  );
}
