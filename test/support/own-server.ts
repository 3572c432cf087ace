import { randomBytes } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { startEmbedded } from '../../src/embedded/embedded-postgres.ts';
import { copyCluster } from './cluster-seeds.ts';
import { copiesOf, databaseUrl, withClient } from './server.ts';
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
  const copied = await copyCluster('embedded', dataDir, seedEmbedded);
  const server = undo.use(await startEmbedded({ dataDir, durable: false, settings: { max_connections: '200' } }));
  // All of its databases go with its folder.
  return { url: server.url, template: copied ?? (await createTemplate(server.url)) };
}

/** Little of its log, which each copy has. */
const SEED_SETTINGS = { min_wal_size: '32MB', max_wal_size: '64MB' };

/** Makes a cluster with a template in this folder, and returns the template's name. */
export async function seedEmbedded(dataDir: string): Promise<string> {
  await using server = await startEmbedded({ dataDir, durable: false, settings: SEED_SETTINGS });
  return await createTemplate(server.url);
}

/** On a server that stays. */
export async function makeTemplate(url: string, undo: AsyncDisposableStack): Promise<ServerWithTemplate> {
  const template = newName();
  undo.defer(() =>
    withClient(url, async (client) => {
      const copies = 'SELECT datname FROM pg_database WHERE starts_with(datname, $1)';
      const { rows } = await client.query<{ datname: string }>(copies, [copiesOf(template)]);
      const names = [...rows.map(({ datname }) => datname), template];
      for (const name of names) await client.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
    }),
  );
  await createTemplate(url, template);
  return { url, template };
}

const newName = () => `template_${randomBytes(6).toString('hex')}`;

export async function createTemplate(url: string, name = newName()): Promise<string> {
  await withClient(url, (client) => client.query(`CREATE DATABASE ${name} TEMPLATE template0 ENCODING 'UTF8'`));
  await prepareTemplate(databaseUrl(url, name));
  return name;
}
