import { createHash } from 'node:crypto';
import { check, type Seen } from '../check.ts';
import { expectedObjects } from '../expected/objects.ts';
import { expectedTables } from '../expected/tables.ts';
import { hiddenSessions } from '../hidden-sessions.ts';
import { requireKnownSchema } from '../known-schema.ts';
import { deparseStatement, type ObjectKind, objectsStatement } from '../statements/objects.ts';
import { serverStatement } from '../statements/server.ts';

export interface SchemaObject {
  readonly kind: ObjectKind;
  readonly table: string;
  readonly name: string;
  readonly definition: string;
  readonly works: boolean;
  /** Null: this role may not see which index is being built. */
  readonly building: boolean | null;
}

/** The name of an object among the expected ones. */
export function keyOf({ kind, table, name }: Pick<SchemaObject, 'kind' | 'table' | 'name'>): string {
  // A function may serve several tables.
  return kind === 'trigger function' ? `${kind} ${name}` : `${kind} ${table}.${name}`;
}

/** What an object's definition is recognised by. White space and NOT VALID say nothing about its meaning. */
export function hashOf({ definition }: Pick<SchemaObject, 'definition'>): string {
  const text = definition
    .replace(/ NOT VALID$/, '')
    .replace(/\s+/g, ' ')
    .trim();
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}

const fromReference =
  'its definition is in a fresh ledger (`DB_SCHEMA=reference delegation-sweeper migrate up`), by `{deparse}`; run it for this schema';

const deparse: Readonly<Record<ObjectKind, string>> = {
  trigger: `SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE tgrelid = 'reference.{table}'::regclass AND tgname = '{name}'`,
  'trigger function': `SELECT pg_get_functiondef('reference.{name}'::regproc)`,
  constraint: `SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = 'reference.{table}'::regclass AND conname = '{name}'`,
  index: `SELECT pg_get_indexdef('reference.{name}'::regclass)`,
};

export const objects = check({
  name: 'objects',
  about:
    "Triggers, their functions, constraints and indexes of the ledger's tables: each is there, by the hash of its definition, and in effect.",
  faults: {
    missing: {
      severity: 'problem',
      when: 'A trigger, a constraint or an index that a migration made is missing',
      remedy: `Run \`delegation-sweeper migrate up\`, which makes what is built online. Where that does not bring it back: ${fromReference}.`,
    },
    changed: {
      severity: 'problem',
      when: "A trigger, its function, a constraint or an index is not as this release's migrations make it",
      remedy: `Put it back: ${fromReference}.`,
    },
    disabled: {
      severity: 'problem',
      when: 'A trigger is disabled: the guard or the symmetry of the ledger does not hold',
      remedy: '`ALTER TABLE {schema}.{table} ENABLE TRIGGER {name};`',
    },
    not_validated: {
      severity: 'problem',
      when: 'A constraint is not validated, so that rows of before may violate it',
      remedy: 'Run `delegation-sweeper migrate up`, or `ALTER TABLE {schema}.{table} VALIDATE CONSTRAINT {name};`',
    },
    invalid: {
      severity: 'problem',
      when: 'An index is invalid, as an interrupted CREATE INDEX CONCURRENTLY leaves it: it costs each write and serves no read',
      remedy:
        "`REINDEX INDEX CONCURRENTLY {schema}.{name};`, or `DROP INDEX CONCURRENTLY {schema}.{name};` where it is not the ledger's own.",
    },
  },
  async read(subject) {
    await requireKnownSchema(subject);
    const { dbSchema: schema } = subject.options;
    return subject.catalogue(async (db) => {
      const [about] = await serverStatement().run(db, {});
      await deparseStatement().run(db, { schema });
      const found = await objectsStatement().run(db, { schema, tables: Object.keys(expectedTables) });
      return { role: about!.role, found };
    });
  },
  judge: ({ role, found }, { options }) => judgeObjects(found, expectedObjects, options.dbSchema, role),
});

type Fault = 'missing' | 'changed' | 'disabled' | 'not_validated' | 'invalid';

/** Pure: what is wrong with these objects, given the hashes of the expected ones. */
export function judgeObjects(
  found: readonly SchemaObject[],
  expected: Readonly<Record<string, string>>,
  schema: string,
  role: string,
): Seen<Fault>[] {
  const byKey = new Map(found.map((object) => [keyOf(object), object]));
  const seen: Seen<Fault>[] = [];
  for (const [key, hash] of Object.entries(expected)) {
    const object = byKey.get(key);
    const names = namesOf(key, schema);
    if (object === undefined) {
      seen.push({ fault: 'missing', what: `The ${key} is missing`, how: 'the catalogue has no such object', names });
    } else if (hashOf(object) !== hash) {
      const how = `the hash of its definition is ${hashOf(object)}, and should be ${hash}`;
      seen.push({ fault: 'changed', what: `The ${key} is not as the migrations make it`, how, names });
    }
  }
  for (const object of found) {
    // A trigger that somebody else added may be off.
    if (object.works || object.building || (object.kind === 'trigger' && !(keyOf(object) in expected))) continue;
    const names = { schema, table: object.table, name: object.name };
    const what = `The ${keyOf(object)}`;
    if (object.kind === 'trigger') {
      seen.push({ fault: 'disabled', what: `${what} is disabled`, how: 'pg_trigger.tgenabled is not O or A', names });
    } else if (object.kind === 'constraint') {
      seen.push({
        fault: 'not_validated',
        what: `${what} is not validated`,
        how: 'pg_constraint.convalidated is false',
        names,
      });
    } else if (object.building === null) {
      seen.push({ unchecked: hiddenSessions(`${what} is invalid; whether it is being built is not known`, role) });
    } else {
      seen.push({
        fault: 'invalid',
        what: `${what} is invalid`,
        how: 'pg_index.indisvalid is false, and nobody is building it',
        names,
      });
    }
  }
  return seen.length > 0 ? seen : [{ note: `${Object.keys(expected).length} objects are as the migrations make them` }];
}

/** `constraint delegations.delegations_pkey`, `trigger function delegations_guard`. */
function namesOf(key: string, schema: string) {
  const kind = (Object.keys(deparse) as ObjectKind[])
    .toSorted((a, b) => b.length - a.length)
    .find((one) => key.startsWith(`${one} `))!;
  const [table = '', name = table] = key.slice(kind.length + 1).split('.');
  const command = deparse[kind].replaceAll('{table}', table).replaceAll('{name}', name);
  return { schema, table, name, deparse: command };
}
