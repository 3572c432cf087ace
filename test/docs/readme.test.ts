import { readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { spawnNode } from '../support/child.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { seedDelegation, testLedger } from '../support/fixtures.ts';

const root = path.resolve(import.meta.dirname, '../..');
const readme = readFileSync(path.join(root, 'README.md'), 'utf8');

function blocks(language: string): string[] {
  return [...readme.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\``, 'gms'))].map((match) => match[1]!);
}

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(async () => {
  await database[Symbol.asyncDispose]();
});

describe("the README's SQL", () => {
  const [insert, start, heartbeat, complete] = blocks('sql') as [string, string, string, string];

  test('takes a delegation through its life, with an activity for each transition', async () => {
    const { ledger } = testLedger(database.db);
    const id = 'from-another-language';
    expect(await database.query(insert, [id, 'caller', 'callee', 'task'])).toHaveLength(1);
    expect(await database.query(insert, [id, 'caller', 'callee', 'task'])).toHaveLength(0);
    expect(await database.query(start, [id, 'callee'])).toEqual([{ from_status: 'queued' }]);
    expect(await database.query(heartbeat, [id])).toMatchObject([
      { answer: { status: 'in_progress', stamped: false } },
    ]);
    await database.query(
      `UPDATE delegations SET last_heartbeat = now() - interval '1 minute' WHERE delegation_id = $1`,
      [id],
    );
    expect(await database.query(heartbeat, [id])).toMatchObject([{ answer: { status: 'in_progress', stamped: true } }]);
    expect(await database.query(complete, [id, 'callee', 'the result'])).toEqual([{ from_status: 'in_progress' }]);
    expect(await ledger.get(id)).toMatchObject({
      status: 'completed',
      resultPreview: 'the result',
      finishedAt: expect.any(Date),
    });
    const history = await ledger.history(id);
    expect(history.map(({ event }) => event)).toEqual([
      'delegation.queued',
      'delegation.in_progress',
      'delegation.completed',
    ]);
  });

  test('keeps a delegation alive that is heard every second, however short the threshold', async () => {
    const id = await seedDelegation(database, { silentSeconds: 0.6 });
    await database.query('UPDATE sweeper_threshold SET stuck_after_ms = 5000');
    expect(await database.query(heartbeat, [id])).toMatchObject([{ answer: { stamped: true, stuckAfterMs: 5000 } }]);
    await database.query('UPDATE sweeper_threshold SET stuck_after_ms = NULL');
  });

  test('distinguishes an unknown delegation', async () => {
    expect(await database.query(heartbeat, ['unknown'])).toEqual([{ answer: null }]);
  });

  test('records a result that comes too late', async () => {
    const { ledger } = testLedger(database.db);
    const id = await seedDelegation(database, { status: 'stuck' });
    expect(await database.query(complete, [id, 'callee', 'too late'])).toHaveLength(0);
    expect(await database.query(heartbeat, [id])).toMatchObject([{ answer: { terminal: true, stamped: false } }]);
    expect((await ledger.get(id))?.status).toBe('stuck');
    expect((await ledger.history(id)).at(-1)).toMatchObject({
      event: 'delegation.late_result',
      toStatus: null,
      detail: { attempted: 'completed', resultPreview: 'too late' },
    });
  });

  test.each(['failed', 'stuck', 'queued', 'completed'] as const)(
    'records a result that a delegation which is %s cannot take, once',
    async (status) => {
      const { ledger } = testLedger(database.db);
      const id = await seedDelegation(database, { status });
      for (let turn = 0; turn < 2; turn += 1) {
        expect(await database.query(complete, [id, 'callee', 'another result'])).toHaveLength(0);
      }
      expect((await ledger.get(id))?.status).toBe(status);
      const late = (await ledger.history(id)).filter(({ event }) => event === 'delegation.late_result');
      expect(late).toMatchObject([{ detail: { attempted: 'completed', resultPreview: 'another result' } }]);
    },
  );

  test('does not record a result again that a completed delegation already has', async () => {
    const { ledger } = testLedger(database.db);
    const id = await seedDelegation(database);
    expect(await database.query(complete, [id, 'callee', 'the result'])).toHaveLength(1);
    expect(await database.query(complete, [id, 'callee', 'the result'])).toHaveLength(0);
    expect(await database.query(complete, [id, 'callee', null])).toHaveLength(0);
    expect((await ledger.history(id)).map(({ event }) => event)).not.toContain('delegation.late_result');
  });
});

describe("the README's TypeScript", () => {
  /** Runs the example as pasted, inside the checkout, where the packages that it imports are found. */
  async function runExample(edit: (example: string) => string = (example) => example, url = database.url) {
    const [example] = blocks('ts') as [string];
    const folder = await mkdtemp(path.join(root, 'test', 'docs', '.readme-'));
    try {
      const file = path.join(folder, 'agent.ts');
      const library = path.relative(folder, path.join(root, 'src', 'index.ts'));
      writeFileSync(file, edit(example).replace("'delegation-sweeper'", `'${library}'`));
      await using child = spawnNode([file], { env: { DATABASE_URL: url } });
      return { exit: await child.exit, stdout: child.stdoutLines.join('\n'), stderr: child.stderrLines.join('\n') };
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }

  test('runs as it is pasted, and completes its delegation', async () => {
    const { exit, stdout, stderr } = await runExample();
    expect([exit, stderr]).toEqual([{ code: 0, signal: null }, '']);
    expect(stdout).toContain("status: 'completed'");
  });

  test('says what to do where the tables were never created', async () => {
    await using empty = await createTestDatabase();
    await empty.query('DROP SCHEMA public CASCADE');
    await empty.query('CREATE SCHEMA public');
    const { exit, stderr } = await runExample(undefined, empty.url);
    expect(exit).toEqual({ code: 1, signal: null });
    expect(stderr).toMatch(
      /OutdatedSchemaError: relation "public\.delegations" does not exist\. .*run `delegation-sweeper migrate up`/,
    );
    // Best effort logs it, too, and goes on.
    expect(stderr).toMatch(/"ledger\.insert_failed".*migrate up/);
  });

  test.each([
    { from: 'in_progress', said: 'unchanged' },
    { from: 'stuck', said: 'refused' },
  ] as const)('its callee does not work on a delegation that is $from already', async ({ from, said }) => {
    const id = await seedDelegation(database, { status: from });
    const { exit, stdout, stderr } = await runExample((example) =>
      example
        .replace('crypto.randomUUID()', `'${id}'`)
        // Another caller has recorded it; this one should go on.
        .replace('throw new Error(`dispatched before', 'console.warn(`dispatched before')
        .replace("return 'done';", "console.log('it works');\n  return 'done';"),
    );
    expect(exit).toEqual({ code: 0, signal: null });
    expect(stderr).toContain(`not begun here: ${said}, it was ${from}`);
    expect(stdout).not.toContain('it works');
    expect(stdout).toContain(`status: '${from}'`);
  });
});
