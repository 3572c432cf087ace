import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Ajv2020 } from 'ajv/dist/2020.js';
import * as z from 'zod';
import { programOf } from '../../src/cli/program.ts';
import { createTestDatabase, type TestDatabase } from '../support/database.ts';
import { seedDelegation, testLedger, testSweeper } from '../support/fixtures.ts';
import { runProgram } from '../support/program.ts';
import type { Answer, Seeded } from './answers/answer.ts';

const folder = path.join(import.meta.dirname, 'answers');
const published = path.resolve(import.meta.dirname, '../../docs/json');

/** By command. To add one, write its file in answers/ and run this test with UPDATE_DOCS=1. */
const answers = new Map<string, Answer>();
for (const file of readdirSync(folder).filter((name) => name !== 'answer.ts')) {
  answers.set(path.parse(file).name, (await import(path.join(folder, file))).answer);
}
const commands = [...answers.keys()].toSorted();

/** Their answers are lines of the log: the catalogue in docs/observability.md describes these. */
const logs = ['demo', 'start'];

/** As published: a later version may add fields, so a reader has to accept those that it does not know. */
const publishedSchema = (command: string) => ({
  ...z.toJSONSchema(answers.get(command)!.schema, { io: 'input' }),
  title: `delegation-sweeper ${command} --json`,
});

/** The same without other fields: each field that a command prints is described. */
const strictSchema = (command: string) => z.toJSONSchema(answers.get(command)!.schema, { io: 'output' });

test('every command that has --json has its schema', () => {
  const program = programOf({ done: () => {}, writeHelp: () => {} });
  const withJson = program.commands.filter(({ options }) => options.some(({ long }) => long === '--json'));
  expect(withJson.map((command) => command.name()).toSorted()).toEqual([...commands, ...logs].toSorted());
});

test.each(commands)('docs/json has the schema of %s, as its source gives it', (command) => {
  const file = path.join(published, `${command}.schema.json`);
  const text = `${JSON.stringify(publishedSchema(command), null, 2)}\n`;
  if (process.env.UPDATE_DOCS === '1') writeFileSync(file, text);
  expect(readFileSync(file, 'utf8')).toBe(text);
});

test('docs/json has no schema without a command', () => {
  expect(readdirSync(published).toSorted()).toEqual(commands.map((command) => `${command}.schema.json`));
});

let database: TestDatabase;
let seeded: Seeded;
beforeAll(async () => {
  database = await createTestDatabase();
  const { ledger } = testLedger(database.db);
  const completedId = await seedDelegation(database);
  await ledger.setStatus(completedId, 'completed', { resultPreview: 'done' });
  const stuckId = await seedDelegation(database, { silentSeconds: 700 });
  await testSweeper(database.db).sweeper.sweep({ trigger: 'manual' });
  const workingId = await seedDelegation(database);
  await ledger.adjust(workingId, { stuckAfterMs: 60_000, stalledAfterMs: 3_600_000 });
  await ledger.heartbeat(workingId, { progress: '3 of 7 files' });
  await ledger.wait(workingId, { untilMs: 60_000, reason: 'a person' });
  seeded = {
    callerId: 'caller',
    calleeId: 'callee',
    queuedId: await seedDelegation(database, { status: 'queued', deadlineSeconds: -5 }),
    workingId,
    silentId: await seedDelegation(database, { silentSeconds: 800 }),
    completedId,
    stuckId,
  };
});
afterAll(async () => {
  await database[Symbol.asyncDispose]();
});

/** Removing the ledger comes last. */
const inOrder = commands.toSorted((a, b) => Number(a === 'migrate') - Number(b === 'migrate'));

describe('the real answers fit their schema, without a field that it does not describe', () => {
  test.each(inOrder)('%s', async (command) => {
    // A date-time is checked by its pattern.
    const ajv = new Ajv2020({ allErrors: true, formats: { 'date-time': true } });
    const accepts = ajv.compile(strictSchema(command));
    const invocations = answers.get(command)!.invocations(seeded);
    expect(invocations.length).toBeGreaterThan(0);
    for (const args of invocations) {
      const { code, stdout, stderr } = await runProgram(args, {
        DATABASE_URL: database.url,
        STORM_RATIO: '0',
        RETENTION_DELEGATIONS: '30d',
        LOG_LEVEL: 'error',
      });
      expect({ args, stderr, isAnswer: code === 0 || code === 1 }).toEqual({ args, stderr: '', isAnswer: true });
      const answer: unknown = JSON.parse(stdout);
      expect({ args, errors: accepts(answer) ? [] : accepts.errors, answer }).toEqual({ args, errors: [], answer });
    }
  });

  test('and a schema refuses what it does not describe', () => {
    const accepts = new Ajv2020({ formats: { 'date-time': true } }).compile(strictSchema('list'));
    expect(accepts({ rows: [], next: null })).toBe(true);
    expect(accepts({ rows: [], next: null, more: 1 })).toBe(false);
    expect(accepts({ rows: [{}], next: null })).toBe(false);
  });
});
