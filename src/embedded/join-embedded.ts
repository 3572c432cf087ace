import path from 'node:path';
import { findDataHome, unusable } from './data-home.ts';
import type { EmbeddedPostgres } from './embedded-postgres.ts';
import { EmbeddedPostgresError } from './embedded-postgres-error.ts';
import { readOwner } from './owner.ts';
import { findServer } from './postmaster-file.ts';
import { isAlive } from './process-table.ts';
import { becomesReady } from './server-state.ts';
import { socketUrl } from './socket-dir.ts';

/**
 * The server that another process runs on `dataDir`, once it takes connections; undefined where none runs. Makes nothing
 * and ends nothing. Throws EmbeddedPostgresError when the folder cannot be read.
 */
export async function joinEmbedded(dataDir: string): Promise<Joined | undefined> {
  const absolute = path.resolve(dataDir);
  return await join(absolute).catch((err: unknown) => {
    throw err instanceof EmbeddedPostgresError ? err : unusable(absolute, err);
  });
}

type Joined = Pick<EmbeddedPostgres, 'url' | 'dataDir'>;

async function join(dataDir: string): Promise<Joined | undefined> {
  const home = await findDataHome(dataDir);
  const server = home && (await findServer(home.cluster));
  if (!server || server.status === 'stopping') return undefined;
  const owner = await readOwner(home.owner);
  // A server without an owner's note was started by hand; one whose owner is dead is about to end.
  if (owner && !(await isAlive(owner))) return undefined;
  return (await becomesReady(home, server)) ? { url: socketUrl(server.socketDir), dataDir: home.dir } : undefined;
}
