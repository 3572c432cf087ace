import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type InstallOptions, installSchemas } from '../compose/install.ts';
import type { Database } from '../config/config.ts';
import type { DatabaseLocation } from '../db/connection.ts';
import { openDatabase } from '../db/database.ts';
import { startEmbedded } from '../embedded/embedded-postgres.ts';
import type { EventLog } from '../log/event-log.ts';

export interface StageNames {
  readonly dbSchema: string;
  readonly pgbossSchema: string;
}

/** Names that are not in use. */
export function stageNames(): StageNames {
  const name = `demo_${randomBytes(6).toString('hex')}`;
  return { dbSchema: name, pgbossSchema: `${name}_pgboss` };
}

/** A database, or two schemas of one, for the demo only; removed when it is disposed. */
export class Stage implements AsyncDisposable {
  readonly location: DatabaseLocation;
  readonly #undo: AsyncDisposableStack;

  private constructor(location: DatabaseLocation, undo: AsyncDisposableStack) {
    this.location = location;
    this.#undo = undo;
  }

  /** With both schemas installed. Throws EmbeddedPostgresError, or the database's error, and then leaves nothing behind. */
  static async open(database: Database, names: StageNames, log: EventLog): Promise<Stage> {
    await using undo = new AsyncDisposableStack();
    const location = await locate(database, undo, log);
    const options = { location, ...names };
    // A server of the demo's own is removed as a whole.
    if (database.kind !== 'embedded') undo.defer(() => dropSchemas(options));
    await installSchemas(options);
    return new Stage(location, undo.move());
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#undo[Symbol.asyncDispose]();
  }
}

async function locate(database: Database, undo: AsyncDisposableStack, log: EventLog): Promise<DatabaseLocation> {
  if (database.kind === 'url') return { url: database.url };
  if (database.kind === 'file') return { file: database.file };
  const asked = await mkdtemp(path.join(tmpdir(), 'delegation-sweeper-demo-'));
  undo.defer(() => rm(asked, { recursive: true, force: true }));
  const server = await startEmbedded({ dataDir: asked, durable: false });
  const { dataDir, url } = server;
  // Another place than asked for, when the server's user cannot reach that one.
  undo.defer(() => rm(dataDir, { recursive: true, force: true }));
  log.emit('embedded.started', { dataDir, joined: false });
  undo.defer(async () => {
    await server.stop();
    log.emit('embedded.stopped', { dataDir });
  });
  return { url };
}

async function dropSchemas({ location, dbSchema, pgbossSchema }: InstallOptions): Promise<void> {
  await using handle = openDatabase({
    location,
    schema: dbSchema,
    max: 1,
    applicationName: 'delegation-sweeper demo',
    queryTimeoutMs: 30_000,
  });
  for (const schema of [pgbossSchema, dbSchema]) {
    await handle.db.schema.dropSchema(schema).ifExists().cascade().execute();
  }
}
