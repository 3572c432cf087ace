import { a2aBeginFunction } from './a2a-begin.ts';
import { a2aObserveFunction } from './a2a-observe.ts';
import { adjustFunction } from './adjust.ts';
import { heartbeatByPositionFunction, heartbeatFunction } from './heartbeat.ts';
import { heartbeatManyFunction } from './heartbeat-many.ts';
import { heartbeatOf010Function } from './heartbeat-of-010.ts';
import { insertFunction } from './insert.ts';
import { insertManyFunction } from './insert-many.ts';
import { insertManyJsonFunction } from './insert-many-json.ts';
import { eventSourceFunction, publishFunction, publishHoldFunction } from './publish.ts';
import { reconcileFunction } from './reconcile.ts';
import { resumeFunction } from './resume.ts';
import { retryFunction } from './retry.ts';
import type { SchemaFunction } from './schema-function.ts';
import { setStatusFunction } from './set-status.ts';
import { sweeperBeatFunction } from './sweeper-beat.ts';
import { sweeperSweepEmptyFunction } from './sweeper-sweep-empty.ts';
import { waitFunction } from './wait.ts';

/**
 * The functions of the ledger's schema: the only way to write delegations, from any language, and what a daemon of many ledgers calls
 * for all of them at once. When the parameters of one
 * change, a new one is added and the old one stays for older clients.
 */
export const schemaFunctions: readonly SchemaFunction[] = [
  insertFunction,
  insertManyFunction,
  insertManyJsonFunction,
  setStatusFunction,
  heartbeatFunction,
  heartbeatByPositionFunction,
  heartbeatOf010Function,
  heartbeatManyFunction,
  waitFunction,
  resumeFunction,
  adjustFunction,
  retryFunction,
  reconcileFunction,
  a2aBeginFunction,
  a2aObserveFunction,
  eventSourceFunction,
  publishFunction,
  publishHoldFunction,
  sweeperBeatFunction,
  sweeperSweepEmptyFunction,
];
