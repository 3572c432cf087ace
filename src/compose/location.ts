import type { Config } from '../config/config.ts';
import type { ConnectionOptions, DatabaseLocation } from '../db/connection.ts';
import { startEmbedded } from '../embedded/embedded-postgres.ts';
import type { EventLog } from '../log/event-log.ts';
import { installSchemas } from './install.ts';

/** Where a command finds its database. Disposing it ends the embedded server, when this process runs it. */
export interface Location extends AsyncDisposable {
  readonly location: DatabaseLocation;
}

/** A statement without an answer for this long frees its sweep: the network may have swallowed it. */
const QUERY_TIMEOUT_MS = 60_000;

/**
 * The database of the configuration; without one, an embedded PostgreSQL with its schemas in place.
 * A one-shot command joins the server of a daemon that runs on the same data; a second daemon is refused.
 */
export async function openLocation(
  { database, dbSchema, pgbossSchema }: Config,
  log: EventLog,
  ifRunning: 'join' | 'refuse' = 'join',
): Promise<Location> {
  if (database.kind === 'url') return given({ url: database.url });
  if (database.kind === 'file') return given({ file: database.file });
  const server = await startEmbedded({ dataDir: database.embeddedDir, ifRunning });
  const { url, dataDir, startedHere } = server;
  log.emit('embedded.started', { dataDir, joined: !startedHere });
  try {
    await installSchemas({ location: { url }, dbSchema, pgbossSchema });
  } catch (err) {
    await server.stop();
    throw err;
  }
  return {
    location: { url },
    async [Symbol.asyncDispose]() {
      await server.stop();
      if (startedHere) log.emit('embedded.stopped', { dataDir });
    },
  };
}

function given(location: DatabaseLocation): Location {
  return { location, async [Symbol.asyncDispose]() {} };
}

export function connectionOf(
  { location }: Pick<Location, 'location'>,
  max: number,
  applicationName: string,
): ConnectionOptions {
  return { location, max, applicationName, queryTimeoutMs: QUERY_TIMEOUT_MS };
}
