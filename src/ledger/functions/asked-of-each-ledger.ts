import type { SchemaFunction } from './schema-function.ts';

/** How a function is declared that a daemon of many ledgers calls for all of them in one statement. */
export const askedOfEachLedger = {
  parameters: 'request jsonb',
  types: 'jsonb',
  returns: 'json',
  // Tables of a few rows are read while sequential scans are off: they would be thought dear enough to be compiled.
  settings: { jit: 'off' },
} as const satisfies Partial<SchemaFunction>;
