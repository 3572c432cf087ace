import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { openLedger } from '../../src/index.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { eventsIn, subscribe } from '../support/subscriber.ts';
import { cases } from './cases/cases.ts';
import type { Client, Place } from './clients/client.ts';
import { clients } from './clients/clients.ts';
import { type DebianServer, startDebianServer } from './debian-server.ts';
import { Inspector, runCase } from './run.ts';

// The same cases where a ledger may come to be: by a restored dump, under another name of its schema, in a copy of the
// schema beside the original, and for a role that may no more than it needs.
const run = promisify(execFile);
const ROLES_SQL = path.resolve(import.meta.dirname, '../../deploy/postgres/roles.sql');

let server: DebianServer;
const undo = new AsyncDisposableStack();
beforeAll(async () => {
  server = await startDebianServer(undo);
});
afterAll(() => undo.disposeAsync());

/** Brings a migrated database to the place, and says where the clients go. */
type Prepare = (database: TestDatabase) => Promise<Place>;

const psql = (url: string, ...args: string[]) =>
  run(path.join(server.bin, 'psql'), ['-X', '-q', '-v', 'ON_ERROR_STOP=1', ...args, url], { maxBuffer: 2 ** 26 });

async function dump(url: string, ...args: string[]): Promise<string> {
  return (await run(path.join(server.bin, 'pg_dump'), [...args, url], { maxBuffer: 2 ** 26 })).stdout;
}

async function restore(url: string, text: string): Promise<void> {
  const restoring = psql(url, '-f', '-');
  restoring.child.stdin!.end(text);
  await restoring;
}

const places: Readonly<Record<string, Prepare>> = {
  async 'after a dump was restored'(database) {
    const dumped = await dump(database.url);
    await database.query('DROP SCHEMA public, pgboss CASCADE');
    await database.query('CREATE SCHEMA public');
    await restore(database.url, dumped);
    return { url: database.url, schema: 'public' };
  },
  async 'after the schema was renamed'(database) {
    await database.query('ALTER SCHEMA public RENAME TO "re named"');
    return { url: database.url, schema: 're named' };
  },
  async 'in a copy beside the original'(database) {
    const dumped = await dump(database.url, '--schema=public');
    await database.query('CREATE SCHEMA copied');
    await restore(database.url, dumped.replaceAll('public', 'copied').replace('CREATE SCHEMA copied;', ''));
    return { url: database.url, schema: 'copied' };
  },
  async 'for the role of agents'(database) {
    await psql(database.url, '-f', ROLES_SQL);
    const url = new URL(database.url);
    url.username = 'delegation_sweeper_writer';
    return { url: url.href, schema: 'public' };
  },
};

describe.each(Object.entries(places))('%s,', (_, prepare) => {
  let database: TestDatabase;
  let place: Place;
  let inspector: Inspector;
  afterAll(async () => {
    await inspector?.[Symbol.asyncDispose]();
    await database?.[Symbol.asyncDispose]();
  });
  beforeAll(async () => {
    database = await createTestDatabase(server);
    place = await prepare(database);
    inspector = await Inspector.open(database.url, place);
  });

  test('a late result is published, for whoever subscribes to it', async () => {
    await inspector.empty();
    const isThere = await database.query<{ schema: string | null }>(`SELECT to_regnamespace('pgboss')::text AS schema`);
    expect(isThere).toEqual([{ schema: 'pgboss' }]);
    await subscribe(database, ['delegation.late_result.v1']);
    const { stdout } = await psql(
      place.url,
      '-At',
      ...[
        `SELECT outcome FROM "${place.schema}".delegation_insert('late', 'planner', 'coder', 'task')`,
        `SELECT outcome FROM "${place.schema}".delegation_set_status('late', 'failed')`,
        `SELECT outcome FROM "${place.schema}".delegation_set_status('late', 'completed', result_preview => 'done')`,
      ].flatMap((sql) => ['-c', sql]),
    );
    expect(stdout.trim().split('\n')).toEqual(['inserted', 'changed', 'refused']);
    expect(await eventsIn(database)).toMatchObject([
      { source: `/delegation-sweeper/${database.name}/${encodeURIComponent(place.schema)}`, subject: 'late' },
    ]);
  });

  test('the tasks of the A2A protocol are recorded, told, claimed and found', async () => {
    await inspector.empty();
    await using ledger = await openLedger(place.url, { schema: place.schema });
    const task = { agentUrl: 'https://coder.example', taskId: 't-1', userName: 'ada' };
    const delegation = { delegationId: 'd-1', callerId: 'planner', calleeId: 'coder', taskPreview: 'task' };
    const { a2aTasks } = ledger;
    expect(await a2aTasks.begin(delegation, task)).toMatchObject({ outcome: 'inserted' });
    expect(await a2aTasks.observe('d-1', { step: 'in_progress' }, { task })).toMatchObject({ outcome: 'changed' });
    expect([await a2aTasks.claim('d-1', 60_000), await a2aTasks.claim('d-1', 60_000)]).toEqual([true, false]);
    for await (const { delegationId } of a2aTasks.open(task)) expect(delegationId).toBe('d-1');
    const end = { step: 'completed', resultPreview: 'done' } as const;
    expect(await a2aTasks.observe('d-1', end, { task, storeState: 'ended' })).toMatchObject({ status: 'completed' });
    expect(await a2aTasks.find(task, { calleeId: 'coder' })).toMatchObject({ resultPreview: 'done' });
  });

  describe.each(Object.entries(clients))('through %s', (_, open) => {
    let client: Client;
    beforeAll(async () => {
      client = await open(place);
    });
    afterAll(async () => {
      await client?.[Symbol.asyncDispose]();
    });

    test.each(Object.entries(cases))('%s: each case has its answers, rows and activity', async (_, list) => {
      for (const one of list) await runCase(client, inspector, one);
    });
  });
});
