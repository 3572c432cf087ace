import { randomBytes } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { startEmbedded } from '../../src/embedded/embedded-postgres.ts';
import { databaseUrl, withClient } from './server.ts';
import { prepareTemplate } from './template.ts';
import { makeDatabaseDir } from './temporary-dir.ts';

/** How global-teardown, a module of its own, finds what to undo. Jest ignores a function that a set-up returns. */
export const TEARDOWN = Symbol.for('delegation-sweeper.test-teardown');

export type WithTeardown = typeof globalThis & { [TEARDOWN]?: () => Promise<void> };

export default async function globalSetup(): Promise<void> {
  await using undo = new AsyncDisposableStack();
  const serverUrl = process.env.DATABASE_URL || (await startServer(undo));
  const template = `template_${randomBytes(6).toString('hex')}`;
  await withClient(serverUrl, (client) =>
    client.query(`CREATE DATABASE ${template} TEMPLATE template0 ENCODING 'UTF8'`),
  );
  undo.defer(() =>
    withClient(serverUrl, async (client) => {
      await client.query(`DROP DATABASE ${template} WITH (FORCE)`);
    }),
  );
  await prepareTemplate(databaseUrl(serverUrl, template));
  process.env.TEST_DATABASE_URL = serverUrl;
  process.env.TEST_TEMPLATE_DATABASE = template;
  const kept = undo.move();
  (globalThis as WithTeardown)[TEARDOWN] = () => kept.disposeAsync();
}

async function startServer(undo: AsyncDisposableStack): Promise<string> {
  const dataDir = await makeDatabaseDir();
  undo.defer(() => rm(dataDir, { recursive: true, force: true }));
  const server = undo.use(await startEmbedded({ dataDir, durable: false, settings: { max_connections: '200' } }));
  return server.url;
}
