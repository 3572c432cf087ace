import { type PlacementFault, readPlacement } from '../../db/citus/placement.ts';
import { installedVersion } from '../../jobs/pgboss-version.ts';
import { readUnserved } from '../../webhook/unserved.ts';
import { check } from '../check.ts';

type Fault = PlacementFault['kind'] | 'unserved';

export const citus = check({
  name: 'citus',
  about:
    'Where Citus, an extension that spreads a database over several servers, has the ledger: all its tables are ordinary ones, or its whole schema is distributed. PGBOSS_SCHEMA is an ordinary one. Nothing of this concerns a database without Citus.',
  faults: {
    too_old: {
      severity: 'problem',
      when: 'The database has a Citus older than release 12, which cannot distribute a schema',
      remedy: 'Do this: {todo}.',
    },
    not_the_coordinator: {
      severity: 'problem',
      when: 'The connection leads to a worker node of Citus',
      remedy: 'Do this: {todo}.',
    },
    by_rows: {
      severity: 'problem',
      when: 'Tables of the ledger are distributed by rows, so that ids and keys are unique on each node only, and a transition and its activity may be on different ones',
      remedy: 'Stop the daemons, and on the coordinator: {todo}.',
    },
    one_by_one: {
      severity: 'problem',
      when: 'Single tables of the ledger were added to Citus, as reference tables, local tables or single shards, and the schema is not distributed',
      remedy: 'Stop the daemons, and on the coordinator: {todo}.',
    },
    incomplete: {
      severity: 'problem',
      when: "The ledger's schema is distributed, and a table of it is not on the schema's node",
      remedy: 'Stop the daemons, and on the coordinator: {todo}.',
    },
    pgboss: {
      severity: 'problem',
      when: "pg-boss's schema, or a table of it, is distributed",
      remedy: 'Stop the daemons, and on the coordinator: {todo}',
    },
    unserved: {
      severity: 'problem',
      when: "The ledger's schema is distributed, and a queue subscribes to its delegations: what happens on a node is not published, since pg-boss is on the coordinator",
      remedy:
        'Keep a ledger whose events are needed in an ordinary schema, or read its activity instead (`ledger.watch`), and unsubscribe: {queues}.',
    },
  },
  async read({ db, options }) {
    const placement = await readPlacement(db, options);
    const isInstalled = placement.kind === 'distributed' && (await installedVersion(db, options.pgbossSchema)) !== null;
    return { placement, unserved: isInstalled ? await readUnserved(db, options) : null };
  },
  judge({ placement, unserved }) {
    if (placement.kind === 'plain') return [{ note: 'ordinary tables' }];
    if (placement.kind === 'distributed') {
      if (unserved === null) return [{ note: 'a distributed schema of Citus' }];
      return [
        {
          fault: 'unserved',
          what: `Of a ledger on a node of Citus no ${unserved.types.join(', ')} is published`,
          how: `pgboss.subscription has ${unserved.queues.join(', ')}`,
          names: { queues: unserved.queues.join(', ') },
        },
      ];
    }
    return placement.faults.map(({ kind, what, remedy }) => ({
      fault: kind satisfies Fault,
      what: `${what.charAt(0).toUpperCase()}${what.slice(1)}`,
      how: 'pg_dist_partition, pg_dist_schema and pg_dist_local_group',
      names: { todo: remedy },
    }));
  },
});
