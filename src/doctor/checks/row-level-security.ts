import { refusalStatement } from '../../sweeper/observed-time/statements/refusal.ts';
import { check, type Seen } from '../check.ts';
import { expectedTables } from '../expected/tables.ts';
import { securityStatement } from '../statements/security.ts';

export const rowLevelSecurity = check({
  name: 'row-level-security',
  about:
    "Row level security on the ledger's tables: whether it hides rows from this role, or refuses agents' heartbeats.",
  faults: {
    rows_hidden: {
      severity: 'problem',
      when: 'Row level security hides rows of a table from the role that asks: what it does not see it cannot judge',
      remedy: '`ALTER ROLE {role} BYPASSRLS;`, or `ALTER TABLE {schema}.{table} DISABLE ROW LEVEL SECURITY;`',
    },
    heartbeats_refused: {
      severity: 'problem',
      when: 'Row level security on delegations has no policy by which an agent sees and updates its row, so that no heartbeat arrives',
      remedy: 'Add policies for SELECT and UPDATE, or `ALTER TABLE {schema}.delegations DISABLE ROW LEVEL SECURITY;`',
    },
  },
  async read({ db, tables, options }) {
    const [signs] = await refusalStatement(tables).run(db, {});
    const values = { schema: options.dbSchema, tables: Object.keys(expectedTables) };
    return { signs: signs!, secured: await securityStatement().run(db, values) };
  },
  judge({ signs, secured }, { options }) {
    const schema = options.dbSchema;
    const seen: Seen<'rows_hidden' | 'heartbeats_refused'>[] = secured
      .filter(({ active }) => active)
      .map(({ table }) => ({
        fault: 'rows_hidden',
        what: `Row level security hides rows of ${table} from this role`,
        how: `row_security_active('${schema}.${table}') is true`,
        names: { schema, table, role: 'CURRENT_USER' },
      }));
    if (signs.heartbeatsRefused) {
      const how =
        'a role that may update last_heartbeat is subject to it, and pg_policy has no policies for SELECT and UPDATE';
      seen.push({
        fault: 'heartbeats_refused',
        what: 'Row level security refuses the heartbeats of agents',
        how,
        names: { schema },
      });
    }
    const quiet = secured.filter(({ active }) => !active).map(({ table }) => table);
    return quiet.length > 0
      ? [...seen, { note: `row level security is on for ${quiet.join(', ')}, and does not apply to this role` }]
      : seen;
  },
});
