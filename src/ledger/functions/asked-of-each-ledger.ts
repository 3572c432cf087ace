import type { SchemaFunction } from './schema-function.ts';

/** How a function is declared that a daemon of many ledgers calls for all of them in one statement. */
export const askedOfEachLedger = {
  parameters: 'request jsonb',
  types: 'jsonb',
  returns: 'json',
  // Tables of a few rows are read while sequential scans are off: they would be thought dear enough to be compiled. Each session plans once for
  // each ledger; by default it would five times, which takes longer than a beat by far.
  settings: { jit: 'off', plan_cache_mode: 'force_generic_plan' },
} as const satisfies Partial<SchemaFunction>;
