import { openClusterSeeds } from './cluster-seeds.ts';
import { makeTemplate, startOwnServer } from './own-server.ts';
import { buildPrograms } from './program-build.ts';

/** How global-teardown, a separate module, finds what to undo. Jest ignores a function that a set-up returns. */
export const TEARDOWN = Symbol.for('delegation-sweeper.test-teardown');

export type WithTeardown = typeof globalThis & { [TEARDOWN]?: () => Promise<void> };

export default async function globalSetup(): Promise<void> {
  await using undo = new AsyncDisposableStack();
  const { DATABASE_URL } = process.env;
  process.env.TEST_PROGRAMS = await buildPrograms();
  await openClusterSeeds(undo);
  const { url, template } = DATABASE_URL ? await makeTemplate(DATABASE_URL, undo) : await startOwnServer(undo);
  process.env.TEST_DATABASE_URL = url;
  process.env.TEST_TEMPLATE_DATABASE = template;
  const kept = undo.move();
  (globalThis as WithTeardown)[TEARDOWN] = () => kept.disposeAsync();
}
