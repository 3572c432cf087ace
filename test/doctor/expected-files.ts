import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { hashOf, keyOf } from '../../src/doctor/checks/objects.ts';
import { type Profile, profiles } from '../../src/doctor/expected/rights.ts';
import { deparseStatement, objectsStatement } from '../../src/doctor/statements/objects.ts';
import { tableHealthStatement } from '../../src/doctor/statements/table-health.ts';
import type { TestDatabase } from '../support/database.ts';

export const ROLES_SQL = path.resolve(import.meta.dirname, '../../deploy/postgres/roles.sql');
const folder = path.resolve(import.meta.dirname, '../../src/doctor/expected');

export const roleOf = (profile: Profile) => `delegation_sweeper_${profile}`;

export async function applyRoles(url: string, variables: readonly string[] = []): Promise<void> {
  await promisify(execFile)('psql', ['-X', '-q', url, ...variables.flatMap((each) => ['-v', each]), '-f', ROLES_SQL]);
}

type Records = Readonly<Record<string, string>>;

export interface Expected {
  readonly objects: Records;
  readonly tables: Records;
  readonly rights: Readonly<Record<Profile, Records>>;
}

type Asked = Pick<TestDatabase, 'db' | 'query' | 'url'>;

/** What the migrations and roles.sql make of this database. */
export async function expectedOf(database: Asked): Promise<Expected> {
  await applyRoles(database.url);
  const names = await database.query<{ name: string }>(
    `SELECT relname AS name FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'
       AND relname NOT LIKE 'delegation\\_sweeper\\_%' ORDER BY 1`,
  );
  const asked = { schema: 'public', tables: names.map(({ name }) => name) };
  const objects = await database.db.transaction().execute(async (transaction) => {
    await deparseStatement().run(transaction, asked);
    return objectsStatement().run(transaction, asked);
  });
  const health = await tableHealthStatement().run(database.db, asked);
  const rights = {} as Record<Profile, Records>;
  for (const profile of profiles) rights[profile] = await rightsOf(database, roleOf(profile));
  return {
    objects: Object.fromEntries(objects.map((object) => [keyOf(object), hashOf(object)])),
    tables: Object.fromEntries(health.map(({ table, settings }) => [table, settings.join(', ')])),
    rights,
  };
}

/** What was granted to the role: by schema, table or column. */
async function rightsOf(database: Asked, role: string): Promise<Records> {
  const rows = await database.query<{ place: string; rights: string }>(
    `WITH granted AS (
       SELECT n.nspname, NULL AS object, a.privilege_type AS privilege, NULL AS "column"
       FROM pg_namespace n, aclexplode(n.nspacl) a WHERE a.grantee = $1::regrole
       UNION ALL
       SELECT n.nspname, c.relname, a.privilege_type, NULL
       FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace, aclexplode(c.relacl) a
       -- pg-boss makes a table for each day.
       WHERE a.grantee = $1::regrole AND c.relname !~ '_[0-9]{8}$'
       UNION ALL
       SELECT n.nspname, c.relname, a.privilege_type, t.attname
       FROM pg_attribute t JOIN pg_class c ON c.oid = t.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace,
         aclexplode(t.attacl) a WHERE a.grantee = $1::regrole),
     worded AS (
       SELECT nspname, object, privilege, privilege || coalesce(' (' || string_agg("column", ', ' ORDER BY "column") || ')', '') AS words
       FROM granted GROUP BY nspname, object, privilege)
     SELECT CASE nspname WHEN 'public' THEN 'ledger' ELSE 'pgboss' END || coalesce('.' || object, '') AS place,
       string_agg(words, '; ' ORDER BY privilege) AS rights
     FROM worded GROUP BY nspname, object ORDER BY nspname DESC, object COLLATE "C" NULLS FIRST`,
    [role],
  );
  return Object.fromEntries(rows.map(({ place, rights }) => [place, rights]));
}

const MADE = 'Made by `UPDATE_EXPECTED=1 npm run -s test:unit -- test/doctor/expected`.';

/** Writes the files of src/doctor/expected/ anew. */
export function writeExpected({ objects, tables, rights }: Expected): void {
  write(
    'objects.ts',
    `/** The hash of each definition that a fresh ledger has. ${MADE} */
export const expectedObjects: Readonly<Record<string, string>> = ${literal(objects, '')};
`,
  );
  write(
    'tables.ts',
    `/** The ledger's tables, with the storage settings that the migrations give them. ${MADE} */
export const expectedTables: Readonly<Record<string, string>> = ${literal(tables, '')};
`,
  );
  const byProfile = profiles.map((profile) => `  ${profile}: ${literal(rights[profile], '  ')},`);
  write(
    'rights.ts',
    `export const profiles = ['sweeper', 'writer', 'reader'] as const;

export type Profile = (typeof profiles)[number];

/** What deploy/postgres/roles.sql grants, by schema or table. ${MADE} */
export const expectedRights: Readonly<Record<Profile, Readonly<Record<string, string>>>> = {
${byProfile.join('\n')}
};
`,
  );
}

/** As the formatter writes it. */
function literal(records: Records, indent: string): string {
  const lines = Object.entries(records).map(([key, value]) => {
    const name = /^[a-z_][a-z0-9_]*$/.test(key) ? key : `'${key}'`;
    const line = `${indent}  ${name}: '${value}',`;
    return line.length > 120 ? `${indent}  ${name}:\n${indent}    '${value}',` : line;
  });
  return `{\n${lines.join('\n')}\n${indent}}`;
}

function write(file: string, text: string): void {
  writeFileSync(path.join(folder, file), text);
}
