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
      const names = (setting: string) => ({ schema: options.dbSchema, table, setting });
      const how = `pg_class.reloptions is ${settings.length === 0 ? 'empty' : settings.join(', ')}`;
      return [
        ...(missing.length > 0
          ? [
              {
                fault: 'reset' as const,
                what: `Settings of ${table} were reset`,
                how,
                names: names(missing.join(', ')),
              },
            ]
          : []),
        ...(other.length > 0
          ? [
              {
                fault: 'changed' as const,
                what: `Settings of ${table} were changed`,
                how,
                names: names(other.join(', ')),
              },
            ]
          : []),
      ];
    });
  },
});

function listed(settings: string): string[] {
  return settings === '' ? [] : settings.split(', ');
}
