import type { LogSink } from '../log/log-sink.ts';
import { createLogger } from '../log/logger.ts';

export interface LedgerOptions {
  /** Where the ledger's events go: any pino logger. Default: JSON lines on stderr, from `warn` up. */
  readonly logger?: LogSink | undefined;
  /**
   * A heartbeat that comes sooner than this after the last one is `fresh` and writes nothing. Default 15000, which gives 40
   * heartbeats in the default threshold of ten minutes. A tenth of the threshold is used where that is shorter.
   */
  readonly heartbeatMinIntervalMs?: number | undefined;
}

export const HEARTBEAT_MIN_INTERVAL_DEFAULT_MS = 15_000;

let sharedDefaultLogger: LogSink | undefined;

/** Shared by all ledgers without a logger of their own; each logger holds a stream. */
export function defaultLogger(): LogSink {
  sharedDefaultLogger ??= createLogger({ level: 'warn', destination: 'stderr' });
  return sharedDefaultLogger;
}
