import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from '@jest/globals';

const tests = path.resolve(import.meta.dirname, '..');
const of = (folder: string, name: RegExp) =>
  readdirSync(path.join(tests, folder))
    .filter((file) => name.test(file))
    .map((file) => path.join(folder, file));

/** What says whether the product is right. */
const judges = [
  ...of('model', /^(reference.*|invariants|comparison|linearisation|operation)\.ts$/),
  ...of('chaos', /^(audit.*|outages|diary|history|thresholds|server-clock)(?<!\.test)\.ts$/),
];

/** What a file takes from the product at run time: what is broken there would judge itself. */
function sharedBy(source: string): string[] {
  return [...source.matchAll(/(?:^|\n)(?:import|export)\b([^'";]*?)\bfrom '([^']+)'/g)]
    .filter(([, names = '', from = '']) => from.includes('/src/') && !/^\s*type\b/.test(names))
    .map(([, , from]) => from!);
}

/** What a judge takes from other test files, which may use the product: constants alone. */
function helpersOf(source: string, judgesHere: readonly string[]): string[] {
  return [...source.matchAll(/(?:^|\n)(?:import|export)\b([^'";]*?)\bfrom '(\.[^']+)'/g)]
    .filter(([, names = '', from = '']) => !from.includes('/src/') && !/^\s*type\b/.test(names) && !isJudge(from))
    .flatMap(([, names = '', from]) =>
      names
        .replaceAll(/[{}\n]/g, ' ')
        .split(',')
        .map((name) => name.trim())
        .filter((name) => name !== '' && !/^type |^[A-Z][A-Z0-9_]*$/.test(name))
        .map((name) => `${name} of ${from}`),
    );

  function isJudge(from: string): boolean {
    return judgesHere.includes(path.basename(from));
  }
}

test('what judges the product, the model and the chaos audit, shares no code with it', () => {
  expect(judges.length).toBeGreaterThan(10);
  const shared = judges.flatMap((file) =>
    sharedBy(readFileSync(path.join(tests, file), 'utf8')).map((from) => `${file} imports ${from}`),
  );
  expect(shared).toEqual([]);
});

test('nor by another file of the tests, of which it takes constants alone', () => {
  const names = judges.map((file) => path.basename(file));
  const helpers = judges.flatMap((file) =>
    helpersOf(readFileSync(path.join(tests, file), 'utf8'), names).map((helper) => `${file}: ${helper}`),
  );
  expect(helpers).toEqual([]);
  const source = `import {\n  STUCK_AFTER_MS,\n  type Row,\n  replayed,\n} from './world.ts';\nimport { audit } from './audit.ts';`;
  expect(helpersOf(source, ['audit.ts'])).toEqual(['replayed of ./world.ts']);
});

test('an import of the product is noticed, one of its types is none', () => {
  const replay = `import { expect } from './x.ts';\nimport { replay } from '../../src/ledger/activity.ts';\n`;
  expect(sharedBy(replay)).toEqual(['../../src/ledger/activity.ts']);
  expect(sharedBy(`import {\n  type Status,\n  statuses,\n} from '../../src/ledger/transitions.ts';`)).toHaveLength(1);
  expect(sharedBy(`import type { Status } from '../../src/ledger/transitions.ts';`)).toEqual([]);
});
