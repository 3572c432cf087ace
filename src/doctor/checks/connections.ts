import { check, type Seen } from '../check.ts';
import { connectionsStatement } from '../statements/connections.ts';
import { daemonsStatement } from '../statements/daemons.ts';
import type { DoctorOptions } from '../subject.ts';

/** Of the connections that there may be. */
const USED_MAX = 0.9;
const POOLS_MAX = 0.5;

export const connections = check({
  name: 'connections',
  about:
    'max_connections, and the limits of the database and the role, against what is in use and what the daemons may use.',
  faults: {
    used_up: {
      severity: 'problem',
      when: `Over ${USED_MAX * 100} % of the connections are in use, so that agents and daemons may be refused`,
      remedy:
        'Find who holds them: `SELECT usename, application_name, state, count(*) FROM pg_stat_activity GROUP BY 1, 2, 3 ORDER BY 4 DESC;`. Put a pooler before the agents, or raise max_connections.',
    },
    too_few: {
      severity: 'problem',
      when: 'The role or the database may have fewer connections than one replica uses',
      remedy:
        '`ALTER ROLE CURRENT_USER CONNECTION LIMIT -1;`, or `ALTER DATABASE ... CONNECTION LIMIT -1;`, or lower DB_POOL_MAX.',
    },
    pools: {
      severity: 'advice',
      when: `The daemons alone may use over ${POOLS_MAX * 100} % of max_connections`,
      remedy: 'Lower DB_POOL_MAX, run fewer replicas (two are enough), or raise max_connections.',
    },
  },
  read: (subject) =>
    subject.catalogue(async (db) => {
      const [limits] = await connectionsStatement().run(db, {});
      const daemons = await daemonsStatement(subject.tables).run(db, {});
      return { ...limits!, replicas: daemons.filter(({ present }) => present).length };
    }),
  judge: judgeConnections,
});

export interface ConnectionsReading {
  readonly max: number;
  readonly reserved: number;
  readonly used: number;
  /** -1: no limit. */
  readonly databaseLimit: number;
  readonly roleLimit: number | null;
  readonly replicas: number;
}

/** Pure. */
export function judgeConnections(
  { max, reserved, used, databaseLimit, roleLimit, replicas }: ConnectionsReading,
  { options }: { readonly options: Pick<DoctorOptions, 'replicaConnectionsMax'> },
): Seen<'used_up' | 'too_few' | 'pools'>[] {
  const seen: Seen<'used_up' | 'too_few' | 'pools'>[] = [];
  const usable = max - reserved;
  const perReplica = options.replicaConnectionsMax;
  const wanted = Math.max(1, replicas) * perReplica;
  if (used > USED_MAX * usable) {
    const how = `${used} of ${usable} are in use (max_connections ${max}, ${reserved} reserved)`;
    seen.push({ fault: 'used_up', what: 'Nearly all connections of the server are in use', how });
  }
  const limits = { database: databaseLimit, role: roleLimit ?? -1 };
  for (const [whose, limit] of Object.entries(limits)) {
    if (limit < 0 || limit >= perReplica) continue;
    const how = `its limit is ${limit}; a replica uses up to ${perReplica}`;
    seen.push({ fault: 'too_few', what: `The ${whose} may have too few connections`, how });
  }
  if (wanted > POOLS_MAX * usable) {
    const how = `${Math.max(1, replicas)} replicas use up to ${wanted} of ${usable} connections`;
    seen.push({ fault: 'pools', what: "The daemons' pools are large for this server", how });
  }
  return seen.length > 0
    ? seen
    : [{ note: `${used} of ${usable} connections are in use; the daemons use up to ${wanted}` }];
}
