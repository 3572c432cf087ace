import type { Config } from '../config/config.ts';
import { currentUrl } from '../db/connection.ts';
import type { DoctorOptions } from '../doctor/subject.ts';
import type { Location } from './location.ts';
import { daemonConnectionsMax } from './pool-sizes.ts';
import { statusOptions } from './sweeper-options.ts';

export function doctorOptions(config: Config, { location }: Pick<Location, 'location'>): DoctorOptions {
  return {
    ...statusOptions(config),
    url: () => currentUrl(location),
    dbSchema: config.dbSchema,
    pgbossSchema: config.pgbossSchema,
    stuckAfterIsSet: config.stuckAfterIsSet,
    webhookIsSet: config.webhookUrl !== null,
    batchRowsMax: config.sweepBatchSize,
    retention:
      config.retentionDelegationsMs !== null ? 'delegations' : config.retentionActivityMs !== null ? 'activity' : 'off',
    replicaConnectionsMax: daemonConnectionsMax(config),
  };
}
