import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, test } from '@jest/globals';
import { WorkerRegistry } from './worker-registry.ts';

const root = path.resolve(import.meta.dirname, '../..');

test.each([
  'src/index.ts',
  'node_modules/pg/lib/index.js',
  'migrations/0001_ledger.ts',
  'test/support/held-sessions.ts',
])('what one file has loaded of %s is there for the next', (name) => {
  const shared = new Map<string, unknown>();
  const [first, second] = [new WorkerRegistry(shared), new WorkerRegistry(shared)];
  for (const key of [path.join(root, name), pathToFileURL(path.join(root, name)).href]) {
    first.set(key, name);
    first.clear();
    expect([second.has(key), second.get(key)]).toEqual([true, name]);
  }
});

test.each(['test/support/use-database.ts', 'test/support/database.ts', 'test/db/plans.test.ts'])(
  '%s is loaded anew for each file',
  (name) => {
    const shared = new Map<string, unknown>();
    const [first, second] = [new WorkerRegistry(shared), new WorkerRegistry(shared)];
    for (const key of [path.join(root, name), pathToFileURL(path.join(root, name)).href, `@jest/globals/${name}`]) {
      first.set(key, name);
      expect([first.get(key), second.has(key)]).toEqual([name, false]);
    }
  },
);
