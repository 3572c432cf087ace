import type { Config } from '../config/config.ts';
import { loadConfig } from '../config/load.ts';
import type { StageNames } from './stage.ts';

/** Short enough to be watched, long enough that a busy machine holds no living agent up for it. */
const STUCK_AFTER = '5s';
const SHUTDOWN_GRACE = '10s';

/** The daemon's defaults, so that the storm guard stands as in production; only its clock runs faster. */
export function demoConfig({ database }: Config, { dbSchema, pgbossSchema }: StageNames): Config {
  const defaults = loadConfig({ STUCK_AFTER, SHUTDOWN_GRACE, DB_SCHEMA: dbSchema, PGBOSS_SCHEMA: pgbossSchema });
  return { ...defaults, database };
}
