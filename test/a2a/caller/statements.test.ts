import type { Task } from '@a2a-js/sdk';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { Kysely, PostgresDialect } from 'kysely';
import pg from 'pg';
import type { Database } from '../../../src/db/schema.ts';
import { ScriptedAgent } from '../../support/a2a/agent-process.ts';
import { request } from '../../support/a2a/messages.ts';
import { testLedger } from '../../support/fixtures.ts';
import { useDatabase } from '../../support/use-database.ts';
import { delegatingClient, delegationOf, eventsOf } from './delegating.ts';

const statements: string[] = [];
let agent: ScriptedAgent;
let db: Kysely<Database>;
// Before the hook that drops the database.
afterAll(async () => {
  await db.destroy();
  await agent[Symbol.asyncDispose]();
});
const database = useDatabase();
beforeAll(async () => {
  agent = await ScriptedAgent.start({ name: 'scripted' });
  const pool = new pg.Pool({ connectionString: database.url, max: 4 });
  db = new Kysely<Database>({
    dialect: new PostgresDialect({ pool }),
    log: ({ query }) => {
      statements.push(/delegation_(?:insert|a2a_observe|resume)/.exec(query.sql)?.[0] ?? query.sql);
    },
  });
});
beforeEach(() => {
  statements.length = 0;
});

const client = () => delegatingClient(agent, testLedger(db).ledger);

describe('the round trips to the ledger', () => {
  test('of a message that is answered with its result: one before, one after', async () => {
    await (await client()).sendMessage(request('submitted; working; artifact one; complete done'));
    expect(statements).toEqual(['delegation_insert', 'delegation_a2a_observe']);
  });

  test('of a message that is answered by a message: the same', async () => {
    await (await client()).sendMessage(request('message hello'));
    expect(statements).toEqual(['delegation_insert', 'delegation_a2a_observe']);
  });

  test('of a stream: one when it begins, one when it ends, none for what comes between', async () => {
    const outgoing = request(`working; beat 50 1; ${'artifact x; '.repeat(50)} complete done`);
    await eventsOf((await client()).sendMessageStream(outgoing));
    expect(statements).toEqual(['delegation_insert', 'delegation_a2a_observe', 'delegation_a2a_observe']);
  });

  test('of a message that goes on with a task: its wait ends in one, by a process that knows the task', async () => {
    const known = await client();
    const asked = (await known.sendMessage(request('working; ask which one?'))) as Task;
    statements.length = 0;
    await known.sendMessage(request('working; complete', { taskId: asked.id }));
    expect(statements).toEqual(['delegation_a2a_observe', 'delegation_a2a_observe']);
  });

  test('and by one that does not', async () => {
    const first = request('working; ask which one?');
    const asked = (await (await client()).sendMessage(first)) as Task;
    statements.length = 0;
    await (await client()).sendMessage(request('working; complete', { taskId: asked.id }));
    expect(statements).toEqual(['delegation_resume', 'delegation_a2a_observe']);
    expect(await delegationOf(testLedger(db).ledger, database, first.message!.messageId)).toMatchObject({
      status: 'completed',
      waitingUntil: null,
    });
  });

  test('of polls: none while nothing changes', async () => {
    const polling = await client();
    const { id } = (await polling.sendMessage(request('working; hang', { returnImmediately: true }))) as Task;
    statements.length = 0;
    for (let n = 0; n < 5; n += 1) await polling.getTask({ tenant: '', id });
    expect(statements).toEqual([]);
  });
});
