import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { expect, test } from '@jest/globals';
import { useDatabase } from '../support/use-database.ts';

const page = readFileSync(new URL('../../docs/sql.md', import.meta.url), 'utf8');
const database = useDatabase();

function blocks(language: string): string[] {
  return [...page.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\``, 'gms'))].map((match) => match[1]!);
}

/** The statements of the page in order, each with the rows that the comments after it show. */
function examples(): { statement: string; rows: string[] }[] {
  const parts = blocks('sql').flatMap((block) => block.split(/(?<=;)\n/));
  const found: { statement: string; rows: string[] }[] = [];
  for (const part of parts) {
    const lines = part.split('\n').filter((line) => line !== '');
    const rows = lines.filter((line) => line.startsWith('-- ')).map((line) => line.slice('-- '.length));
    found.at(-1)?.rows.push(...rows);
    const statement = lines.filter((line) => !line.startsWith('-- ')).join('\n');
    if (statement !== '') found.push({ statement, rows: [] });
  }
  return found;
}

test('the SQL of docs/sql.md answers what the page shows', async () => {
  const shown = examples();
  expect(shown.length).toBeGreaterThan(10);
  for (const { statement, rows } of shown) {
    const found = await database.query(statement);
    expect([statement, found.map((row) => Object.values(row as object).join(' | '))]).toEqual([statement, rows]);
  }
});

test('the Python of docs/sql.md completes its delegation', async () => {
  const { hostname, searchParams, pathname, username, port } = new URL(database.url);
  const env = {
    ...process.env,
    PGHOST: searchParams.get('host') ?? hostname,
    PGPORT: port,
    PGUSER: username,
    PGDATABASE: pathname.slice(1),
  };
  const [program] = blocks('python') as [string];
  // Debian's, which has psycopg2 by the package python3-psycopg2.
  const { stdout } = await promisify(execFile)('/usr/bin/python3', ['-c', program], { env });
  expect(stdout).toBe('changed\n');
});

test('every function of the schema is on docs/sql.md with its arguments', async () => {
  const functions = await database.query(
    `SELECT proname AS name, array_agg(DISTINCT argument) AS arguments
     FROM pg_proc, unnest(proargnames[1:pronargs]) argument
     WHERE pronamespace = 'public'::regnamespace AND proname LIKE 'delegation\\_%' AND argument NOT IN ('', 'debounce_ms')
     GROUP BY proname`,
  );
  expect(functions.length).toBeGreaterThan(7);
  for (const { name, arguments: names } of functions as { name: string; arguments: string[] }[]) {
    const forms = [...page.matchAll(new RegExp(`^\\| \`${name}\\(([^)]*)\\)\``, 'gm'))].map(([, shown]) => shown!);
    const shown = new Set(forms.flatMap((form) => form.split(/[[\], ]+/).filter(Boolean)));
    expect([name, [...shown].sort()]).toEqual([name, names.sort()]);
  }
});
