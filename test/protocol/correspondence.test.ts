import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from '@jest/globals';
import { statuses } from '../../src/ledger/transitions.ts';
import { configurations, mutations } from './configurations.ts';
import { lifecycle } from './lifecycle.ts';
import { readReport, readTrail } from './spin.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const read = (file: string) => readFileSync(path.join(root, file), 'utf8');
const filesIn = (folder: string, ending: string) =>
  readdirSync(path.join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith(ending))
    .map((file) => path.join(folder, file));

const readme = read('test/protocol/README.md');
const model = filesIn('test/protocol/model', '.pml').map(read).join('\n');

const namesIn = (text: string) => [...text.matchAll(/`(\w+)`/g)].map(([, name]) => name!);

/** The table of the steps: each step with its file. */
const steps = [...readme.matchAll(/^\| (`\w+`(?:, `\w+`)*) +\| `(src\/[\w./-]+)` +\|/gm)].flatMap(([, names, file]) =>
  namesIn(names!).map((step) => ({ step, file: file! })),
);
const told = filesIn('src', '.ts').flatMap((file) =>
  [...read(file).matchAll(/In the model: ([\w, ]+)\./g)].flatMap(([, names]) =>
    names!.split(', ').map((step) => ({ step, file })),
  ),
);

const inOrder = (places: readonly { step: string; file: string }[]) =>
  places.map(({ step, file }) => `${file}: ${step}`).toSorted();

describe('the steps of the model', () => {
  test('are named by the files of their statements as in the table, and by no other', () => {
    expect(inOrder(told)).toEqual(inOrder(steps));
  });

  test.each(steps)('$step is in the model, which names $file', ({ step, file }) => {
    expect(model).toMatch(new RegExp(`^(inline|#define) ${step}\\b`, 'm'));
    expect(model).toContain(file.replace(/^src\/(sweeper|ledger)\//, ''));
  });

  test('have the statuses and the transitions of the product', () => {
    for (const status of statuses) expect(lifecycle()).toContain(status);
    expect(lifecycle()).toContain('((f) == in_progress && (t) == stuck)');
    expect(lifecycle()).not.toContain('(f) == stuck');
  });
});

describe('the claims', () => {
  const table = readme.slice(readme.indexOf('## The claims'));
  const claims = [...table.matchAll(/^\| `(\w+)` +\| ([^|]+) \|/gm)].map(([, name, heading]) => ({
    name: name!,
    heading: heading!.trim(),
  }));
  const asserted = [...model.matchAll(/mtype:claim = \{([^}]+)\}/g)].flatMap(([, names]) =>
    names!.split(',').map((name) => name.trim()),
  );

  test('of the model are those of the table', () => {
    expect(claims.map(({ name }) => name).toSorted()).toEqual([...asserted, 'liveness'].toSorted());
  });

  test.each(claims)('$name belongs to a promise of docs/reliability.md: $heading', ({ heading }) => {
    expect(read('docs/reliability.md')).toContain(`**${heading}`);
  });

  test('have a mutation each that breaks them, which is in the model, and none is there that is not tried', () => {
    expect([...new Set(mutations.map(({ claim }) => claim))].toSorted()).toEqual(
      claims.map(({ name }) => name).toSorted(),
    );
    const defined = [...model.matchAll(/^#ifn?def (\w+)/gm)]
      .map(([, name]) => name!)
      .filter((name) => name !== 'TIME_STANDS_STILL');
    expect([...new Set(defined)].toSorted()).toEqual(mutations.map(({ name }) => name).toSorted());
    for (const { in: name } of mutations) expect(configurations.map((each) => each.name)).toContain(name);
  });
});

describe('a report of Spin', () => {
  const whole = 'State-vector 136 byte, depth reached 167, errors: 0\n  1630221 states, stored\n';

  test('is read', () => {
    expect(readReport(whole)).toEqual({ states: 1_630_221, depth: 167, errors: 0 });
    expect(readReport(whole.replace('1630221', '1.630221e+06').replace('errors: 0', 'errors: 1'))).toMatchObject({
      states: 1_630_221,
      errors: 1,
    });
  });

  test.each([
    'error: max search depth too small',
    'pan: out of memory',
    'pan: reached -DMEMLIM bound',
    'Warning: Search not completed',
  ])('of a search that was cut short is no result: %s', (problem) => {
    expect(() => readReport(`${problem}\n${whole}`)).toThrow('not all states were searched');
  });

  test('that is missing is no result', () => {
    expect(() => readReport('pan: cannot allocate')).toThrow('no report of a search: pan: cannot allocate');
  });

  test('says which claim is broken, or that a process waits for ever', () => {
    expect(readTrail('1: one\n  2: two\nbroken: a_sign_of_life_wins\n', '')).toEqual({
      broken: 'a_sign_of_life_wins',
      trail: ['1: one', '2: two'],
    });
    expect(readTrail('1: one\n', 'pan:1: invalid end state')).toMatchObject({ broken: 'deadlock' });
    expect(readTrail('1: one\n', 'pan:1: acceptance cycle')).toMatchObject({ broken: 'liveness' });
    expect(() => readTrail('', 'pan:1: something else')).toThrow('a claim without a name is broken');
  });
});
