import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test } from '@jest/globals';
import { openDatabase } from '../../src/db/database.ts';
import { useDatabase } from '../support/use-database.ts';
import { waitFor } from '../support/wait-for.ts';

const database = useDatabase();

test('a file of the URL that is away fails the query that needs a connection, and nothing else', async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'url-file-'));
  const file = path.join(folder, 'url');
  try {
    await writeFile(file, database.url);
    const options = { max: 1, applicationName: 'url-file', queryTimeoutMs: 10_000, schema: 'public' };
    await using handle = openDatabase({ location: { file }, ...options });
    const client = await handle.pool.connect();
    const waiting = handle.pool.query('SELECT 1').catch((err: unknown) => err);
    await waitFor('the query to wait for the connection', () => handle.pool.waitingCount === 1);
    await rename(file, `${file}.away`);
    // The pool opens the next connection while it releases this one: an error thrown there would be caught by nobody.
    client.release(true);
    expect(await waiting).toMatchObject({ code: 'ENOENT' });
    await rename(`${file}.away`, file);
    expect((await handle.pool.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }]);
    await handle.db.selectFrom('delegations').select('delegation_id').execute();
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
