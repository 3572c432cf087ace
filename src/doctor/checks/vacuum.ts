import { duration } from '../../log/duration.ts';
import { check, type Seen } from '../check.ts';
import { expectedTables } from '../expected/tables.ts';
import { settingsStatement } from '../statements/settings.ts';
import { tableHealthStatement } from '../statements/table-health.ts';
import { type StorageSettings, storageSettings } from '../storage-settings.ts';

/** Dead rows that are worth a word, and how often the threshold of autovacuum must be passed. */
const DEAD_MIN = 20_000;
const THRESHOLDS_MAX = 3;

const names = ['autovacuum', 'track_counts', 'autovacuum_vacuum_threshold', 'autovacuum_vacuum_scale_factor'];

export const vacuum = check({
  name: 'vacuum',
  about: "Autovacuum: whether it is on, for the server and for the ledger's tables, and keeps up with dead rows.",
  faults: {
    off: {
      severity: 'problem',
      when: 'autovacuum or track_counts is off for the server: dead rows pile up, and every sweep reads them',
      remedy:
        '`ALTER SYSTEM RESET {name};`, then `SELECT pg_reload_conf();`; where the database sets it, `ALTER DATABASE ... RESET {name};`',
    },
    table_off: {
      severity: 'problem',
      when: "Autovacuum is switched off for one of the ledger's tables",
      remedy: '`ALTER TABLE {schema}.{table} RESET (autovacuum_enabled);`',
    },
    dead_rows: {
      severity: 'problem',
      when: `A table has over ${DEAD_MIN} dead rows, and ${THRESHOLDS_MAX} times what autovacuum waits for: it never ran, cannot keep up, or something holds it up`,
      remedy:
        'End what holds it up (the check `snapshots`), then `VACUUM (VERBOSE, INDEX_CLEANUP ON) {schema}.{table};`. Where it comes back, raise autovacuum_vacuum_cost_limit.',
    },
  },
  async read(subject) {
    const { db, options, tables } = subject;
    const settings = await settingsStatement().run(db, { names, delegations: tables.delegations });
    const values = { schema: options.dbSchema, tables: Object.keys(expectedTables) };
    return { settings, health: await subject.catalogue((session) => tableHealthStatement().run(session, values)) };
  },
  judge({ settings, health }, { options }) {
    const server = new Map(settings.filter(({ role }) => role === null).map(({ name, value }) => [name, value]));
    const schema = options.dbSchema;
    const seen: Seen<'off' | 'table_off' | 'dead_rows'>[] = [];
    for (const name of ['autovacuum', 'track_counts']) {
      if (server.get(name) !== 'off') continue;
      seen.push({ fault: 'off', what: `${name} is off`, how: `${name} = off`, names: { name } });
    }
    for (const { table, liveRows, deadRows, vacuumedAgoMs, settings: own } of health) {
      const storage = storageSettings(own);
      if (/^(off|false|no|0)$/i.test(storage.get('autovacuum_enabled') ?? 'on')) {
        const how = `autovacuum_enabled=${storage.get('autovacuum_enabled')} among the settings of the table`;
        seen.push({ fault: 'table_off', what: `Autovacuum is off for ${table}`, how, names: { schema, table } });
      }
      const waitsFor = thresholdOf(storage, server, liveRows);
      if (deadRows <= Math.max(DEAD_MIN, THRESHOLDS_MAX * waitsFor)) continue;
      const last = vacuumedAgoMs === null ? 'never vacuumed' : `last vacuumed ${duration(vacuumedAgoMs)} ago`;
      const how = `about ${deadRows} dead rows and ${liveRows} live ones; autovacuum waits for ${waitsFor}; ${last}`;
      seen.push({ fault: 'dead_rows', what: `${table} has many dead rows`, how, names: { schema, table } });
    }
    if (seen.length > 0) return seen;
    const dead = health.reduce((sum, { deadRows }) => sum + deadRows, 0);
    return [{ note: `about ${dead} dead rows in ${health.length} tables` }];
  },
});

/** The dead rows at which autovacuum takes the table. */
function thresholdOf(storage: StorageSettings, server: StorageSettings, liveRows: number): number {
  const setting = (name: string) => Number(storage.get(name) ?? server.get(name));
  return Math.round(setting(names[2]!) + setting(names[3]!) * liveRows);
}
