import { readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from '@jest/globals';
import { spawnNode } from '../support/child.ts';
import { useDatabase } from '../support/use-database.ts';

const root = path.resolve(import.meta.dirname, '../..');
const page = readFileSync(path.join(root, 'docs/library.md'), 'utf8');
const database = useDatabase();

/** The programs of the page, by the heading under which each stands. */
const programs = [...page.matchAll(/^## ([^\n]+)\n|^```ts\n(.*?)^```/gms)].reduce(
  (found, [, heading, program]) => {
    if (heading !== undefined) found.heading = heading;
    if (program !== undefined) found.list.set(found.heading, program);
    return found;
  },
  { heading: '', list: new Map<string, string>() },
).list;

/** Runs a program as pasted, inside the checkout, where the packages that it imports are found. */
async function run(program: string): Promise<string[]> {
  const folder = await mkdtemp(path.join(root, 'test', 'docs', '.library-'));
  try {
    const library = path.relative(folder, path.join(root, 'src', 'index.ts'));
    const file = path.join(folder, 'agent.ts');
    writeFileSync(file, program.replace("'delegation-sweeper'", `'${library}'`));
    await using child = spawnNode([file], { env: { DATABASE_URL: database.url } });
    expect([await child.exit, child.stderrLines]).toEqual([{ code: 0, signal: null }, []]);
    return child.stdoutLines;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

test('an agent that waits, has limits of its own and reports progress completes', async () => {
  const [events] = await run(programs.get('Waiting, thresholds, progress')!);
  expect(events?.split(' ').map((event) => event.replace('delegation.', ''))).toEqual([
    'queued',
    'in_progress',
    'waiting',
    'resumed',
    'adjusted',
    'completed',
  ]);
});

test('a caller hears of a failure that came before its watch and of an end that comes later, and tries again', async () => {
  const lines = await run(programs.get('How a caller learns that an agent has died')!);
  expect(lines).toEqual([
    expect.stringMatching(/^delegation\.failed no disk space inserted [0-9a-f-]{36}$/),
    'delegation.completed all green',
    'both have ended',
  ]);
});

test('a list of delegations is recorded', async () => {
  const lines = await run(programs.get('Many delegations at once')!);
  expect(lines.map((line) => line.split(' ')[0])).toEqual(['inserted', 'inserted', 'inserted']);
});

test('a delegation that failed is tried again once', async () => {
  expect(await run(programs.get('Trying again')!)).toEqual(['inserted 2', 'duplicate']);
});
