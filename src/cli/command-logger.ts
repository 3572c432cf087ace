import type { Config } from '../config/config.ts';
import { createLogger } from '../log/logger.ts';

/** A one-shot command's log: on stderr, readable when a person reads it. */
export function commandLogger({ logLevel }: Config) {
  return createLogger({ level: logLevel, destination: 'stderr', pretty: process.stderr.isTTY === true });
}
