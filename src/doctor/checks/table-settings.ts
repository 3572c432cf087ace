import { check, type Seen } from '../check.ts';
import { expectedTables } from '../expected/tables.ts';
import { tableHealthStatement } from '../statements/table-health.ts';
import { storageSettings } from '../storage-settings.ts';

export const tableSettings = check({
  name: 'table-settings',
  about:
    "The storage settings that the migrations give to the ledger's tables: fillfactor, autovacuum's thresholds and others.",
  faults: {
    reset: {
      severity: 'problem',
      when: 'A setting that a migration made was reset: heartbeats are no longer HOT, or vacuum comes late',
      remedy: '`ALTER TABLE {schema}.{table} SET ({setting});`',
    },
    changed: {
      severity: 'advice',
      when: 'A setting that a migration made has another value',
      remedy: 'Where it was not meant so: `ALTER TABLE {schema}.{table} SET ({setting});`',
    },
  },
  read: (subject) =>
    subject.catalogue((db) =>
      tableHealthStatement().run(db, { schema: subject.options.dbSchema, tables: Object.keys(expectedTables) }),
    ),
  judge(health, { options }) {
    return health.flatMap(({ table, settings }): Seen<'reset' | 'changed'>[] => {
      const found = storageSettings(settings);
      const missing: string[] = [];
      const other: string[] = [];
      for (const [name, value] of storageSettings(listed(expectedTables[table] ?? ''))) {
        if (!found.has(name)) missing.push(`${name}=${value}`);
        else if (found.get(name) !== value) other.push(`${name}=${value}`);
      }
      const how = `pg_class.reloptions is ${settings.length === 0 ? 'empty' : settings.join(', ')}`;
      const seen = (fault: 'reset' | 'changed', named: readonly string[]) => ({
        fault,
        what: `Settings of ${table} were ${fault}`,
        how,
        names: { schema: options.dbSchema, table, setting: named.join(', ') },
      });
      return [
        ...(missing.length > 0 ? [seen('reset', missing)] : []),
        ...(other.length > 0 ? [seen('changed', other)] : []),
      ];
    });
  },
});

function listed(settings: string): string[] {
  return settings === '' ? [] : settings.split(', ');
}
