import { readdirSync, readFileSync } from 'node:fs';
import { builtinModules } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from '@jest/globals';

/** As CONTRIBUTING.md tells it: what each folder of src/ may import besides itself. */
const mayImport: Readonly<Record<string, readonly string[]>> = {
  log: [],
  lifecycle: [],
  address: [],
  config: ['address'],
  db: ['address', 'log'],
  ledger: ['address', 'db', 'log'],
  sweeper: ['ledger', 'db', 'log', 'lifecycle'],
  // Of the sweeper the types of what it shows, alone.
  ops: ['log', 'lifecycle', 'sweeper'],
  embedded: ['lifecycle', 'log'],
  compose: ['config', 'db', 'embedded', 'lifecycle', 'log', 'ops', 'sweeper'],
  demo: ['compose', 'config', 'db', 'embedded', 'ledger', 'lifecycle', 'log', 'sweeper', 'index.ts'],
  cli: ['compose', 'config', 'db', 'demo', 'embedded', 'log', 'lifecycle', 'ops', 'sweeper'],
  'index.ts': ['ledger'],
  'main.ts': ['cli'],
};

/** Where each vendor is at home. Types alone may be named anywhere. */
const vendors: Readonly<Record<string, readonly RegExp[]>> = {
  pg: [/^db\//],
  kysely: [/^db\//, /^ledger\//, /^sweeper\/schedule\/pgboss-schema\.ts$/],
  'pg-boss': [/^sweeper\/schedule\//],
  pino: [/^log\//],
  'pino-pretty': [/^log\//],
  zod: [/^config\//, /^log\//],
  'cron-parser': [/^config\/cron\.ts$/, /^sweeper\/status\/cron\.ts$/],
  'fastest-levenshtein': [/^config\/typos\.ts$/],
  commander: [/^cli\//],
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

/** The folder of src/ that holds a file; the file itself when it stands beside them. */
function folderOf(file: string): string {
  return file.split(path.sep)[0]!;
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
  const wrong = relative.filter(({ file, specifier }) => {
    const target = folderOf(path.join(path.dirname(file), specifier));
    return target !== folderOf(file) && !mayImport[folderOf(file)]!.includes(target);
  });
  expect(wrong.map(show)).toEqual([]);
});

test('relative imports name a file that is there, with its .ts ending', () => {
  const wrong = relative.filter(({ file, specifier }) => !files.includes(path.join(path.dirname(file), specifier)));
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
    // The rest is bundled into what the daemon runs.
    expect([...used].filter((name) => !Object.hasOwn(devDependencies, name) && !installed.includes(name))).toEqual([]);
  });
});

test("Node's own modules are imported by their node: names", () => {
  expect(imports.filter(({ specifier }) => builtinModules.includes(specifier)).map(show)).toEqual([]);
});

test('signals are taken in lifecycle alone; an agent of the demo, a process of its own, ignores one', () => {
  const taking = /process\.(on|once)\(\s*(?:'SIG|signal)/;
  const takers = files.filter((file) => taking.test(readFileSync(path.join(src, file), 'utf8')));
  expect(takers.sort()).toEqual(['demo/agent.ts', 'lifecycle/signals.ts']);
});

test('the environment is read where the configuration is loaded, and nowhere below', () => {
  const readers = files.filter((file) => readFileSync(path.join(src, file), 'utf8').includes('process.env'));
  expect(readers).toEqual(['cli/program.ts']);
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
