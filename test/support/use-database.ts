import { afterAll, afterEach, beforeAll, beforeEach } from '@jest/globals';
import { createTestDatabase, type ResettableDatabase, type TestDatabase } from './database.ts';
import type { ServerWithTemplate } from './own-server.ts';
import { expectReplayed } from './replay.ts';

export interface UseDatabaseOptions {
  /** `file`: one for all tests of the file, which then use different ids. `test`: as new for each. */
  readonly per?: 'file' | 'test';
  /**
   * `own`: a separate server for the file, for what is measured on the whole server (its log, its snapshots), which tests
   * running at the same time would disturb.
   */
  readonly server?: 'shared' | 'own';
  /** Not one that tests before have used: for what looks at pages, plans or the server's counts. */
  readonly fresh?: boolean;
  /** Whether each test ends with the check that activity replays to its rows; off for tests that write only rows. */
  readonly replayed?: boolean;
}

/** A migrated database, made and dropped by Jest's hooks. */
export function useDatabase({
  per = 'file',
  server = 'shared',
  fresh = false,
  replayed = true,
}: UseDatabaseOptions = {}): Omit<TestDatabase, keyof AsyncDisposable> {
  let database: ResettableDatabase | undefined;
  let own: ServerWithTemplate | undefined;
  const undo = new AsyncDisposableStack();
  if (server === 'own') {
    beforeAll(async () => {
      // What starts and migrates a server is most of the program, and few files need it.
      const { startOwnServer } = await import('./own-server.ts');
      own = await startOwnServer(undo);
    });
  }
  const current = () => {
    if (!database) throw new Error('the database exists only while a test runs');
    return database;
  };
  (per === 'file' ? beforeAll : beforeEach)(async () => {
    database ??= await createTestDatabase(own, { fresh });
  });
  // Jest runs these hooks in the order of their definition: the check comes before the drop.
  if (replayed) afterEach(() => expectReplayed(current()));
  const dispose = async () => {
    await database?.[Symbol.asyncDispose]();
    database = undefined;
  };
  if (per === 'test') {
    afterEach(async () => {
      if (!(await database?.reset())) await dispose();
    });
  }
  afterAll(dispose);
  if (server === 'own') afterAll(() => undo.disposeAsync());
  return {
    get url() {
      return current().url;
    },
    get name() {
      return current().name;
    },
    get db() {
      return current().db;
    },
    query: (sql, params) => current().query(sql, params),
    connect: () => current().connect(),
  };
}
