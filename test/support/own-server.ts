import { randomBytes } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { startEmbedded } from '../../src/embedded/embedded-postgres.ts';
import { databaseUrl, withClient } from './server.ts';
import { prepareTemplate } from './template.ts';
import { makeDatabaseDir } from './temporary-dir.ts';

export interface ServerWithTemplate {
  readonly url: string;
  /** A migrated database to copy. */
  readonly template: string;
}

/** An embedded server with a template; `undo` removes all of it. */
export async function startOwnServer(undo: AsyncDisposableStack): Promise<ServerWithTemplate> {
  const dataDir = await makeDatabaseDir();
  undo.defer(() => rm(dataDir, { recursive: true, force: true }));
  const server = undo.use(await startEmbedded({ dataDir, durable: false, settings: { max_connections: '200' } }));
  return makeTemplate(server.url, undo);
}

export async function makeTemplate(url: string, undo: AsyncDisposableStack): Promise<ServerWithTemplate> {
  const template = `template_${randomBytes(6).toString('hex')}`;
  await withClient(url, (client) => client.query(`CREATE DATABASE ${template} TEMPLATE template0 ENCODING 'UTF8'`));
  undo.defer(() =>
    withClient(url, async (client) => {
      await client.query(`DROP DATABASE ${template} WITH (FORCE)`);
    }),
  );
  await prepareTemplate(databaseUrl(url, template));
  return { url, template };
}
