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
  const [begin, start, heartbeat, wait, complete] = blocks('sql')[0]!.split('\n').filter(Boolean) as [
    string,
    string,
    string,
    string,
    string,
  ];
  /** The statement for another delegation than the README's. */
  const about = (id: string, statement: string) => statement.replace('build-17', id);

  test('takes a delegation through its life, with an activity for each step', async () => {
    const { ledger } = testLedger(database.db);
    expect(await database.query(begin)).toEqual([{ outcome: 'inserted' }]);
    expect(await database.query(begin)).toEqual([{ outcome: 'duplicate' }]);
    expect(await database.query(start)).toEqual([{ outcome: 'changed' }]);
    expect(await database.query(heartbeat)).toMatchObject([{ outcome: 'fresh' }]);
    await database.query(`UPDATE delegations SET last_heartbeat = now() - interval '1 minute'`);
    expect(await database.query(heartbeat)).toMatchObject([{ outcome: 'stamped' }]);
    expect(await database.query(wait)).toMatchObject([{ outcome: 'waiting', waiting_until: expect.any(Date) }]);
    expect(await database.query(complete)).toEqual([{ outcome: 'changed' }]);
    expect(await ledger.get('build-17')).toMatchObject({
      status: 'completed',
      resultPreview: 'all green',
      finishedAt: expect.any(Date),
    });
    expect((await ledger.history('build-17')).map(({ event }) => event)).toEqual([
      'delegation.queued',
      'delegation.in_progress',
      'delegation.waiting',
      'delegation.completed',
    ]);
  });

  test.each([1_000, 5_000, 30_000, 600_000, 86_400_000])(
    'keeps a delegation alive that is heard three times in a threshold of %d ms',
    async (stuckAfterMs) => {
      const id = await seedDelegation(database, { silentSeconds: stuckAfterMs / 3_000 });
      await database.query('UPDATE sweeper_threshold SET stuck_after_ms = $1', [stuckAfterMs]);
      expect(await database.query(about(id, heartbeat))).toEqual([
        { outcome: 'stamped', stuck_after_ms: String(stuckAfterMs) },
      ]);
      await database.query('UPDATE sweeper_threshold SET stuck_after_ms = NULL');
    },
  );

  test('distinguishes an unknown delegation', async () => {
    expect(await database.query(about('unknown', heartbeat))).toMatchObject([{ outcome: 'missing' }]);
  });

  test.each([
    ['failed', 'refused', 'terminal'],
    ['stuck', 'refused', 'terminal'],
    ['queued', 'refused', 'stamped'],
    ['completed', 'unchanged', 'terminal'],
  ] as const)('records a result that a delegation which is %s cannot take, once', async (status, outcome, heard) => {
    const { ledger } = testLedger(database.db);
    const id = await seedDelegation(database, { status });
    // A completed delegation without a result would take this one.
    await database.query(`UPDATE delegations SET result_preview = 'all red' WHERE status = 'completed'`);
    for (let turn = 0; turn < 2; turn += 1) {
      expect(await database.query(about(id, complete))).toEqual([{ outcome }]);
    }
    expect(await database.query(about(id, heartbeat))).toMatchObject([{ outcome: heard }]);
    expect((await ledger.get(id))?.status).toBe(status);
    const late = (await ledger.history(id)).filter(({ event }) => event === 'delegation.late_result');
    expect(late).toMatchObject([{ detail: { attempted: 'completed', resultPreview: 'all green' } }]);
  });

  test('does not record a result again that a completed delegation already has', async () => {
    const { ledger } = testLedger(database.db);
    const id = await seedDelegation(database);
    expect(await database.query(about(id, complete))).toEqual([{ outcome: 'changed' }]);
    expect(await database.query(about(id, complete))).toEqual([{ outcome: 'unchanged' }]);
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
      /OutdatedSchemaError: function public\.delegation_set_status\(.*\) does not exist\. .*run `delegation-sweeper migrate up`/,
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
