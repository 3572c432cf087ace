import type { Config } from '../config/config.ts';
import { loadConfig } from '../config/load.ts';
import type { StageNames } from './stage.ts';

/** Short enough to watch, long enough that a busy machine does not delay a living agent's heartbeat by as much. */
const STUCK_AFTER = '5s';
const SHUTDOWN_GRACE = '10s';

/** The daemon's defaults, so that the storm guard works as in production; only its times are shorter. `env`: added. */
export function demoConfig(
  { database }: Config,
  { dbSchema, pgbossSchema }: StageNames,
  env: Readonly<Record<string, string>>,
): Config {
  const settings = { STUCK_AFTER, SHUTDOWN_GRACE, DB_SCHEMA: dbSchema, PGBOSS_SCHEMA: pgbossSchema, ...env };
  return { ...loadConfig(settings), database };
}
