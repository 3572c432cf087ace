import { schemaVersion } from '../../db/migrator.ts';
import { check } from '../check.ts';

export const schema = check({
  name: 'schema',
  about: 'The migrations that the ledger has, against those that this release knows.',
  faults: {
    missing: {
      severity: 'problem',
      when: 'There is no ledger in DB_SCHEMA',
      remedy: 'Run `delegation-sweeper migrate up`, or set DB_SCHEMA to the schema that has the ledger.',
    },
    pending: {
      severity: 'problem',
      when: 'The ledger lacks migrations that this release needs',
      remedy:
        'Run `delegation-sweeper migrate up`, then `psql "$ADMIN_URL" -f deploy/postgres/roles.sql` where its roles are used.',
    },
    newer: {
      severity: 'advice',
      when: 'The ledger is newer than this release, as it is during an upgrade',
      remedy:
        'Finish the upgrade: replace this program by the release that brought the migration. What a migration made is not compared here meanwhile.',
    },
  },
  read: ({ db, options }) => schemaVersion(db, options.dbSchema),
  judge({ applied, current, pending, unknown }, { options }) {
    if (applied.length === 0) {
      const how = `the schema ${options.dbSchema} has no table delegation_sweeper_migrations, or it is empty`;
      return [{ fault: 'missing', what: `There is no ledger in the schema ${options.dbSchema}`, how }];
    }
    if (pending.length > 0) {
      const how = `it is at ${current}; pending: ${pending.join(', ')}`;
      return [{ fault: 'pending', what: "The ledger's schema is older than this program", how }];
    }
    if (unknown.length > 0) {
      return [
        { fault: 'newer', what: "The ledger's schema is newer than this program", how: `it has ${unknown.join(', ')}` },
      ];
    }
    return [{ note: `migrations up to ${current}` }];
  },
});
