import type { Check } from './check.ts';
import { cadence } from './checks/cadence.ts';
import { citus } from './checks/citus.ts';
import { clocks } from './checks/clocks.ts';
import { connection } from './checks/connection.ts';
import { connections } from './checks/connections.ts';
import { daemons } from './checks/daemons.ts';
import { falsePositives } from './checks/false-positives.ts';
import { functions } from './checks/functions.ts';
import { futureHeartbeats } from './checks/future-heartbeats.ts';
import { hold } from './checks/hold.ts';
import { objects } from './checks/objects.ts';
import { pgboss } from './checks/pgboss.ts';
import { plans } from './checks/plans.ts';
import { poisoned } from './checks/poisoned.ts';
import { pooler } from './checks/pooler.ts';
import { privileges } from './checks/privileges.ts';
import { rowLevelSecurity } from './checks/row-level-security.ts';
import { schedule } from './checks/schedule.ts';
import { schema } from './checks/schema.ts';
import { searchPath } from './checks/search-path.ts';
import { server } from './checks/server.ts';
import { settings } from './checks/settings.ts';
import { snapshots } from './checks/snapshots.ts';
import { symmetry } from './checks/symmetry.ts';
import { tableSettings } from './checks/table-settings.ts';
import { transactionIds } from './checks/transaction-ids.ts';
import { updates } from './checks/updates.ts';
import { vacuum } from './checks/vacuum.ts';
import { webhooks } from './checks/webhooks.ts';

/** In the order in which they run: first what the later ones rest on. */
export const checks: readonly Check[] = [
  connection,
  server,
  citus,
  pooler,
  schema,
  functions,
  objects,
  tableSettings,
  pgboss,
  privileges,
  rowLevelSecurity,
  searchPath,
  settings,
  connections,
  daemons,
  schedule,
  clocks,
  hold,
  falsePositives,
  cadence,
  futureHeartbeats,
  poisoned,
  webhooks,
  symmetry,
  plans,
  updates,
  vacuum,
  snapshots,
  transactionIds,
];
