import { readdirSync, readFileSync } from 'node:fs';
import { builtinModules } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from '@jest/globals';

/** As ARCHITECTURE.md describes it: what each folder of src/ may import besides itself. */
const mayImport: Readonly<Record<string, readonly string[]>> = {
  log: [],
  lifecycle: [],
  address: [],
  net: ['lifecycle'],
  config: ['address', 'net'],
  db: ['address', 'log'],
  events: [],
  ledger: ['address', 'db', 'events', 'log'],
  outage: ['db', 'lifecycle', 'log'],
  jobs: ['db', 'events', 'lifecycle', 'log', 'outage'],
  housekeeping: ['db', 'jobs', 'ledger', 'lifecycle', 'log', 'outage'],
  sweeper: ['ledger', 'db', 'events', 'jobs', 'log', 'lifecycle', 'outage'],
  // Of the sweeper the types of what it shows, alone.
  ops: ['log', 'lifecycle', 'sweeper'],
  webhook: ['config', 'db', 'events', 'jobs', 'lifecycle', 'log', 'net', 'outage'],
  embedded: ['lifecycle', 'log'],
  doctor: ['address', 'config', 'db', 'jobs', 'ledger', 'log', 'ops', 'sweeper', 'webhook'],
  compose: [
    'a2a',
    'config',
    'db',
    'doctor',
    'embedded',
    'housekeeping',
    'jobs',
    'ledger',
    'lifecycle',
    'log',
    'ops',
    'outage',
    'sweeper',
    'webhook',
  ],
  demo: ['a2a', 'compose', 'config', 'db', 'embedded', 'ledger', 'lifecycle', 'log', 'sweeper', 'index.ts'],
  cli: [
    'compose',
    'config',
    'db',
    'demo',
    'doctor',
    'embedded',
    'housekeeping',
    'jobs',
    'ledger',
    'log',
    'lifecycle',
    'ops',
    'sweeper',
    'webhook',
  ],
  a2a: ['index.ts', 'lifecycle', 'net'],
  'index.ts': ['events', 'ledger'],
  'main.ts': ['cli'],
};

/** What a folder may import only as types: the readings that it shows are passed to it. */
const mayImportTypes: Readonly<Record<string, readonly string[]>> = {
  ops: ['sweeper', 'webhook'],
  // Of the sweeper what the probe implements.
  a2a: ['sweeper'],
};

/** The folders that may import each vendor. Its types may be used anywhere. */
const vendors: Readonly<Record<string, readonly RegExp[]>> = {
  pg: [/^db\//],
  kysely: [/^a2a\/callee\/forward-only\.ts$/, /^db\//, /^ledger\//, /^jobs\/pgboss-(runner|schema)\.ts$/],
  'pg-boss': [/^jobs\//],
  pino: [/^log\//],
  'pino-pretty': [/^log\//],
  zod: [/^config\//, /^log\//],
  'cron-parser': [/^config\/cron\.ts$/, /^sweeper\/status\/cron\.ts$/],
  'fastest-levenshtein': [/^config\/near-miss\.ts$/, /^sweeper\/explanation\/near\.ts$/],
  commander: [/^cli\//],
  'fast-string-truncated-width': [/^cli\/table\.ts$/],
  standardwebhooks: [/^webhook\//],
  express: [/^demo\/a2a\//],
  '@a2a-js': [/^a2a\//, /^demo\/a2a\//],
  'ipaddr.js': [/^net\//],
  '@opentelemetry/api': [/^ops\/telemetry\//, /^sweeper\/tracing\.ts$/, /^log\/active-trace\.ts$/],
  '@opentelemetry': [/^ops\/telemetry\//],
};

const src = fileURLToPath(new URL('../src', import.meta.url));
const files = readdirSync(src, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'));

interface Import {
  readonly file: string;
  readonly typeOnly: boolean;
  readonly specifier: string;
}

const importing =
  /(?:^|\n)\s*(?:import|export)\b([^'";]*?)\bfrom\s*'([^']+)'|(?:^|\n)\s*import\s*'([^']+)'|\bimport\(\s*'([^']+)'\s*\)/g;

const imports: readonly Import[] = files.flatMap((file) =>
  [...readFileSync(path.join(src, file), 'utf8').matchAll(importing)].map(([, names = '', from, bare, dynamic]) => ({
    file,
    typeOnly: /^\s*type\b/.test(names),
    specifier: (from ?? bare ?? dynamic)!,
  })),
);
const relative = imports.filter(({ specifier }) => specifier.startsWith('.'));

/** The folder of src/ that holds a file; for a file directly in src/, the file itself. */
function folderOf(file: string): string {
  return file.split(path.sep)[0]!;
}

/** The file that is imported, as a path in src/. */
function targetOf({ file, specifier }: Pick<Import, 'file' | 'specifier'>): string {
  return path.join(path.dirname(file), specifier);
}

/** The folder itself and those above it up to src/, which is `.`. */
function ancestorsOf(folder: string): string[] {
  return folder === '.' ? ['.'] : [folder, ...ancestorsOf(path.dirname(folder))];
}

/** The file or folder directly in `folder` that holds `file`; null when the file is elsewhere. */
function entryOf(folder: string, file: string): string | null {
  const below = path.relative(folder, file);
  return below.startsWith('..') ? null : below.split(path.sep)[0]!;
}

/** The entries on circles, and what lies between two of them: what is left when nothing leads in or out any more. */
function circlesIn(edges: ReadonlyMap<string, ReadonlySet<string>>): string[] {
  let left = [...edges].flatMap(([from, to]) => [...to].map((target) => [from, target] as const));
  for (;;) {
    const [importing, imported] = [new Set(left.map(([from]) => from)), new Set(left.map(([, to]) => to))];
    const next = left.filter(([from, to]) => imported.has(from) && importing.has(to));
    if (next.length === left.length) return left.map(([from, to]) => `${from} imports ${to}`);
    left = next;
  }
}

function packageOf(specifier: string): string {
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
}

function show({ file, specifier }: Import): string {
  return `${file} imports ${specifier}`;
}

test('every folder of src/ has its place', () => {
  expect([...new Set(files.map(folderOf))].sort()).toEqual(Object.keys(mayImport).sort());
});

test('imports point one way', () => {
  const wrong = relative.filter(({ file, specifier, typeOnly }) => {
    const [folder, target] = [folderOf(file), folderOf(targetOf({ file, specifier }))];
    if (target === folder || mayImport[folder]!.includes(target)) return false;
    return !(typeOnly && mayImportTypes[folder]?.includes(target));
  });
  expect(wrong.map(show)).toEqual([]);
});

const folders = [...new Set(files.flatMap((file) => ancestorsOf(path.dirname(file))))];

test.each(folders)('what stands side by side in src/%s, files and folders, imports no circle', (folder) => {
  const edges = new Map<string, Set<string>>();
  for (const { file, specifier } of relative) {
    const [from, to] = [entryOf(folder, file), entryOf(folder, targetOf({ file, specifier }))];
    if (from === null || to === null || from === to) continue;
    edges.set(from, (edges.get(from) ?? new Set()).add(to));
  }
  expect(circlesIn(edges)).toEqual([]);
});

test('relative imports name a file that is there, with its .ts ending', () => {
  const wrong = relative.filter(({ file, specifier }) => !files.includes(targetOf({ file, specifier })));
  expect(wrong.map(show)).toEqual([]);
});

describe('vendors', () => {
  const ofVendors = imports.filter(
    ({ specifier }) =>
      !specifier.startsWith('.') && !specifier.startsWith('node:') && !builtinModules.includes(specifier),
  );

  test('each has one home', () => {
    const wrong = ofVendors.filter(({ file, specifier, typeOnly }) => {
      if (typeOnly) return false;
      const homes = vendors[packageOf(specifier)] ?? vendors[specifier.split('/')[0]!] ?? [];
      return !homes.some((home) => home.test(file));
    });
    expect(wrong.map(show)).toEqual([]);
  });

  test('each is in package.json, and nothing there is unused', () => {
    const { dependencies, peerDependencies, devDependencies } = JSON.parse(
      readFileSync(path.join(src, '../package.json'), 'utf8'),
    );
    const used = new Set(ofVendors.map(({ specifier }) => packageOf(specifier)));
    const installed = Object.keys({ ...dependencies, ...peerDependencies }).filter(
      (name) => !name.startsWith('@types/'),
    );
    expect(installed.filter((name) => !used.has(name))).toEqual([]);
    // The rest is bundled into the daemon.
    expect([...used].filter((name) => !Object.hasOwn(devDependencies, name) && !installed.includes(name))).toEqual([]);
  });
});

test("Node's own modules are imported by their node: names", () => {
  expect(imports.filter(({ specifier }) => builtinModules.includes(specifier)).map(show)).toEqual([]);
});

test('signals are taken in lifecycle alone; a process of the demo ignores one', () => {
  const taking = /process\.(on|once)\(\s*(?:'SIG|signal)/;
  const takers = files.filter((file) => taking.test(readFileSync(path.join(src, file), 'utf8')));
  expect(takers.sort()).toEqual(['demo/end-with-demo.ts', 'lifecycle/signals.ts']);
});

test('the environment is read where the configuration is loaded, and nowhere below', () => {
  const readers = files.filter((file) => readFileSync(path.join(src, file), 'utf8').includes('process.env'));
  expect(readers).toEqual(['cli/program.ts']);
});

test('statements stand in folders named statements, functions or finishing; elsewhere only what sets or asks a session', () => {
  const sql = /[`'"]\s*(?:SELECT|WITH|INSERT INTO|UPDATE|DELETE FROM|CREATE|ALTER|DROP|TRUNCATE|CALL)\s/;
  // A check of the doctor and a fault of the placement name SQL for a person to run, and send none; what the doctor expects
  // names rights.
  const home = /(?:^|\/)(?:statements|functions|finishing)\/|^doctor\/(?:checks|expected)\/|^db\/citus\/placement\.ts$/;
  const code = (file: string) => readFileSync(path.join(src, file), 'utf8').replace(/\/\*.*?\*\//gs, '');
  const others = files.filter((file) => !home.test(file) && sql.test(code(file)));
  expect(others.sort()).toEqual(['db/bounded-read.ts', 'db/encoding.ts', 'db/migrator.ts', 'db/session.ts']);
});

test('a check of the doctor makes no statement', () => {
  const making = relative.filter(
    ({ file, specifier }) => file.startsWith('doctor/checks/') && specifier.endsWith('/db/statement.ts'),
  );
  expect(making.map(show)).toEqual([]);
});

test('SQLSTATEs stand in db/sqlstate.ts alone; elsewhere they have names', () => {
  const code = /'(?:0[18A-Z]|2[0-9B-F]|3[4589BDF]|4[024]|5[3-8]|F0|HV|P0|XX)[0-9A-Z]{3}'/;
  const others = files.filter((file) => code.test(readFileSync(path.join(src, file), 'utf8')));
  expect(others).toEqual(['db/sqlstate.ts']);
});

test('no file is long', () => {
  const long = files
    .map((file) => ({ file, lines: readFileSync(path.join(src, file), 'utf8').split('\n').length }))
    .filter(({ lines }) => lines > 300);
  expect(long).toEqual([]);
});
