import type { Config } from '../config/config.ts';
import { namedLedgers } from '../config/ledger-names.ts';
import { type ConnectionOptions, currentUrl, type DatabaseLocation } from '../db/connection.ts';
import type { EventLog } from '../log/event-log.ts';
import { checkoutOnly } from './checkout-only.ts';
import { CommandError } from './command-error.ts';
import { exitCode } from './exit-code.ts';

/** Where a command finds its database. Disposing it stops the embedded server, when this process runs it. */
export interface Location extends AsyncDisposable {
  readonly location: DatabaseLocation;
  /** The database's name for an answer, with the ledger's schema: without user and password. */
  readonly name: string;
  /** The same without a schema, for an answer about many ledgers. */
  readonly server: string;
  /** The URL of the embedded database for other processes of this machine; null where DATABASE_URL is set. */
  readonly embeddedUrl: string | null;
}

/** A statement without an answer for this long fails: the network may have lost it. */
const QUERY_TIMEOUT_MS = 60_000;

const embeddedPostgres = {
  what: 'The embedded PostgreSQL',
  instead: 'set DATABASE_URL (or DATABASE_URL_FILE) to a server of your own.',
};

/**
 * For the daemon: the configured database; without one, an embedded PostgreSQL, which it creates if needed, starts, and
 * installs the schemas in. A second daemon on the same data is refused.
 */
export async function openDaemonLocation(config: Config, log: EventLog): Promise<Location> {
  const { database, dbSchema, pgbossSchema } = config;
  if (database.kind !== 'embedded') return given(config);
  const { startEmbedded } = await checkoutOnly(() => import('../embedded/embedded-postgres.ts'), embeddedPostgres);
  const server = await startEmbedded({ dataDir: database.embeddedDir, ifRunning: 'refuse' });
  const { url, dataDir } = server;
  log.emit('embedded.started', { dataDir, joined: false });
  try {
    // Loaded here: no command that only joins a database needs pg-boss.
    const { installSchemas } = await import('./install.ts');
    const schemas = config.dbSchemas === null ? [dbSchema] : namedLedgers(config.dbSchemas).names;
    for (const schema of schemas) await installSchemas({ location: { url }, dbSchema: schema, pgbossSchema });
  } catch (err) {
    await server.stop();
    throw err;
  }
  return {
    ...embedded(url, dataDir, dbSchema),
    async [Symbol.asyncDispose]() {
      await server.stop();
      log.emit('embedded.stopped', { dataDir });
    },
  };
}

/**
 * For a one-shot command: the configured database; without one, that of the daemon that runs on DATA_DIR. It never creates
 * a database, since an answer from a new and empty one would mean nothing.
 * @throws CommandError (78) when none runs there.
 */
export async function openLocation(config: Config, log: EventLog): Promise<Location> {
  const { database, dbSchema } = config;
  if (database.kind !== 'embedded') return given(config);
  const { joinEmbedded } = await checkoutOnly(() => import('../embedded/join-embedded.ts'), embeddedPostgres);
  const server = await joinEmbedded(database.embeddedDir);
  if (!server) {
    throw new CommandError(
      exitCode.configuration,
      `DATABASE_URL is not set, and no daemon runs an embedded database in DATA_DIR ${database.embeddedDir}.
What to do: set DATABASE_URL (or DATABASE_URL_FILE), or run \`delegation-sweeper start\` first, which makes one there.`,
    );
  }
  log.emit('embedded.started', { dataDir: server.dataDir, joined: true });
  return { ...embedded(server.url, server.dataDir, dbSchema), async [Symbol.asyncDispose]() {} };
}

function embedded(url: string, dataDir: string, dbSchema: string): Omit<Location, keyof AsyncDisposable> {
  const server = `the embedded PostgreSQL in ${dataDir}`;
  return { location: { url }, name: `${server}, schema ${dbSchema}`, server, embeddedUrl: url };
}

function given({ database, dbSchema }: Config): Location {
  const location = database.kind === 'file' ? { file: database.file } : { url: (database as { url: string }).url };
  return {
    location,
    get name() {
      return `${this.server}, schema ${dbSchema}`;
    },
    get server() {
      return nameOf(currentUrl(location));
    },
    embeddedUrl: null,
    async [Symbol.asyncDispose]() {},
  };
}

/** `host:port/database`. */
function nameOf(text: string): string {
  const url = URL.parse(text) ?? URL.parse(text.replace('@/', '@localhost/'));
  if (url === null) return 'the database of DATABASE_URL';
  const host = url.searchParams.get('host') ?? (url.hostname || 'localhost');
  return `${host}:${url.port || '5432'}/${decodeURIComponent(url.pathname.slice(1) || url.username)}`;
}

export function connectionOf(
  { location }: Pick<Location, 'location'>,
  max: number,
  applicationName: string,
): ConnectionOptions {
  return { location, max, applicationName, queryTimeoutMs: QUERY_TIMEOUT_MS };
}
