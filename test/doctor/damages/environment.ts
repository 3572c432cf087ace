import { type Damage, reset, set, sql } from './damage.ts';

export const environmentDamages: readonly Damage[] = [
  {
    check: 'search-path',
    title: 'a schema before pg_catalog replaces system functions',
    make: async (database) => {
      await sql(
        'CREATE SCHEMA hostile',
        `CREATE FUNCTION hostile.clock_timestamp() RETURNS timestamptz LANGUAGE sql AS $$ SELECT 'epoch'::timestamptz $$`,
      )(database);
      await set('search_path', 'hostile, pg_catalog, public')(database);
    },
    what: /System functions are replaced/,
    fault: 'replaced',
    mend: reset('search_path'),
  },
  ...Object.entries({
    statement_timeout: [`'500ms'`, 'timeout'],
    lock_timeout: [`'10ms'`, 'timeout'],
    idle_in_transaction_session_timeout: [`'900ms'`, 'timeout'],
    transaction_timeout: [`'20s'`, 'timeout'],
    default_transaction_isolation: [`'repeatable read'`, 'isolation'],
    default_transaction_read_only: ['on', 'read_only'],
    session_replication_role: ['replica', 'triggers_off'],
  } as const).map(
    ([name, [value, fault]]): Damage => ({
      check: 'settings',
      title: `${name} is ${value}`,
      make: set(name, value),
      what: new RegExp(`^${name} is `),
      fault,
      // What resets it must be allowed to write.
      mend: (database) => database.query(`BEGIN READ WRITE; ALTER DATABASE ${database.name} RESET ${name}; COMMIT`),
    }),
  ),
  {
    check: 'settings',
    title: 'extra_float_digits is 0',
    make: set('extra_float_digits', '0'),
    what: /^extra_float_digits is below 1/,
    fault: 'digits',
    mend: reset('extra_float_digits'),
  },
  {
    check: 'connections',
    title: 'the database may have too few connections',
    make: ({ query, name }) => query(`ALTER DATABASE ${name} CONNECTION LIMIT 8`),
    what: /The database may have too few connections/,
    fault: 'too_few',
    mend: ({ query, name }) => query(`ALTER DATABASE ${name} CONNECTION LIMIT -1`),
  },
  {
    check: 'connections',
    title: "the daemons' pools are large",
    make: async () => {},
    options: { replicaConnectionsMax: 150 },
    what: /pools are large/,
    fault: 'pools',
  },
];
