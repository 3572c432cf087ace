import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { listWords } from '../../src/cli/list-words.ts';
import { testLedger } from '../support/fixtures.ts';
import { program, runProgram } from '../support/program.ts';
import { seedFleet } from '../support/seed-fleet.ts';
import { useDatabase } from '../support/use-database.ts';

const database = useDatabase({ replayed: false });
const list = (...args: string[]) => runProgram(['list', ...args], { DATABASE_URL: database.url });
const HOSTILE = "-it's \u202e evil";

beforeAll(async () => {
  const { ledger } = testLedger(database.db);
  const insert = (delegationId: string, callerId = 'planner') =>
    ledger.insert({ delegationId, callerId, calleeId: 'coder', taskPreview: 'SECRET', requestBody: 'SECRET' });
  await insert('one');
  await insert('two');
  await insert('three', HOSTILE);
  await ledger.setStatus('two', 'in_progress');
  await ledger.setStatus('two', 'completed', { resultPreview: 'SECRET' });
  await ledger.setStatus('three', 'in_progress');
  await ledger.wait('three', { untilMs: 3_600_000, reason: 'a person' });
});

describe('list', () => {
  test('prints a table, newest first, in a pipe with instants and without colours', async () => {
    const { code, stdout, stderr } = await list();
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const [heads, ...lines] = stdout.split('\n');
    expect(heads).toMatch(/^ID +STATUS +CREATED +HEARD +ENDED +CALLER +CALLEE$/);
    const at = String.raw`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z`;
    expect(lines).toEqual([
      expect.stringMatching(
        new RegExp(String.raw`^three +in_progress, waiting +${at} +${at} +-it's \\u202e evil +coder$`),
      ),
      expect.stringMatching(new RegExp(`^two +completed +${at} +${at} +planner +coder$`)),
      expect.stringMatching(new RegExp(`^one +queued +${at} +planner +coder$`)),
    ]);
  });

  test('prints no preview, neither in the table nor as JSON', async () => {
    expect((await list()).stdout).not.toContain('SECRET');
    const { stdout } = await list('--json');
    expect(stdout).not.toContain('SECRET');
    expect(JSON.parse(stdout)).toMatchObject({
      rows: [{ delegationId: 'three', waitingReason: 'a person' }, { delegationId: 'two' }, { delegationId: 'one' }],
      next: null,
    });
  });

  test('prints no error detail: an agent wrote it, as it did the previews', async () => {
    const { ledger } = testLedger(database.db);
    await ledger.insert({ delegationId: 'failed', callerId: 'other', calleeId: 'coder', taskPreview: 't' });
    await ledger.setStatus('failed', 'failed', { errorDetail: 'SECRET' });
    expect((await list('--caller', 'other')).stdout).toMatch(/^failed +failed /m);
    const { stdout } = await list('--caller', 'other', '--json');
    expect(stdout).not.toContain('SECRET');
    expect(JSON.parse(stdout)).toMatchObject({ rows: [{ delegationId: 'failed', status: 'failed' }] });
    await database.query(`DELETE FROM delegations WHERE delegation_id = 'failed'`);
  });

  test('filters, and says so when nothing is found', async () => {
    const ids = async (...args: string[]) =>
      JSON.parse((await list('--json', ...args)).stdout).rows.map((row: { delegationId: string }) => row.delegationId);
    expect(await ids('--status', 'completed')).toEqual(['two']);
    expect(await ids('--caller', 'planner', '--callee', 'coder')).toEqual(['two', 'one']);
    expect(await ids(`--caller=${HOSTILE}`)).toEqual(['three']);
    expect(await ids('--older-than', '1h')).toEqual([]);
    expect(await list('--caller', 'nobody')).toEqual({ code: 0, stdout: 'No delegations.', stderr: '' });
  });

  test('names the command of the next page, which a shell runs as it is', async () => {
    const { stdout } = await list('--limit', '1', `--caller=${HOSTILE}`);
    expect(stdout).not.toContain('Next page');
    await testLedger(database.db).ledger.insert({
      delegationId: 'four',
      callerId: HOSTILE,
      calleeId: 'coder',
      taskPreview: 't',
    });
    const first = await list('--limit', '1', `--caller=${HOSTILE}`, '--older-than', '1ms');
    const [, command] = /^Next page: (.*)$/m.exec(first.stdout)!;
    expect(command).toMatch(/^delegation-sweeper list --caller=\$'.*' --older-than 1ms --limit 1 --after \S+$/);
    const { stdout: following } = await promisify(execFile)(
      'bash',
      ['-c', `delegation-sweeper() { "${process.execPath}" "${program.file}" "$@"; }; ${command}`],
      { env: { ...process.env, NODE_OPTIONS: '', DATABASE_URL: database.url } },
    );
    expect(following).toMatch(/^three /m);
    await database.query(`DELETE FROM delegations WHERE delegation_id = 'four'`);
  });

  test('ends quietly when its reader closes the pipe', async () => {
    const prefix = await seedFleet(database, { rows: 1000 });
    const { stdout, stderr } = await promisify(execFile)(
      'bash',
      ['-c', `set -o pipefail; "${process.execPath}" "${program.file}" list --limit 1000 | head -2`],
      { env: { ...process.env, NODE_OPTIONS: '', DATABASE_URL: database.url } },
    );
    expect(stderr).toBe('');
    expect(stdout.split('\n')).toHaveLength(3);
    await database.query('DELETE FROM delegations WHERE starts_with(delegation_id, $1)', [prefix]);
  });

  test.each([
    [['--status', 'stcuk'], /Allowed choices are queued, .*stuck\.\n\(Did you mean stuck\?\)/],
    [['--status', 'finished'], /Allowed choices are queued, .*stuck\.$/m],
    [
      ['--older-than', '10'],
      /--older-than .* accepted: a duration from 1ms to 3650d: an integer and a unit \(ms, s, m, h, d\)/,
    ],
    [['--older-than', '0s'], /--older-than .* less than 1ms; accepted/],
    [['--older-than', '9999d'], /--older-than .* more than 3650d; accepted/],
    [['--limit', 'all'], /--limit .* accepted: an integer from 1 to 1000/],
    [['--limit', '0'], /--limit .* accepted: an integer from 1 to 1000/],
    [['--limit', '1001'], /--limit .* accepted: an integer from 1 to 1000/],
    [['--caller', ''], /^--caller must have 1 to 200 characters, not 0$/m],
    [['--callee', 'a\nb'], /^--callee must not contain control characters/m],
    [['--after', 'here'], /^--after must be a cursor that list has returned as next, unchanged$/m],
    [['--stauts', 'stuck'], /unknown option '--stauts'\n\(Did you mean --status\?\)/],
  ])('%j is refused (64), with what is accepted and where to look', async (args, says) => {
    const { code, stdout, stderr } = await list(...args);
    expect({ code, stdout }).toEqual({ code: 64, stdout: '' });
    expect(stderr).toMatch(says);
    expect(stderr).toContain('see `delegation-sweeper list --help`');
  });
});

test('on a terminal ages stand in place of instants, and attempts only where there are some', async () => {
  const { rows } = await testLedger(database.db).ledger.list();
  const now = new Date(rows[0]!.createdAt.getTime() + 3 * 3_600_000);
  const words = listWords(rows, { now, terminal: true });
  expect(words).toMatch(/ID.*STATUS.*AGE.*HEARD.*ENDED.*CALLER.*CALLEE/);
  expect(words).toMatch(/three.*3 h/);
  expect(words).not.toContain('ATTEMPT');
  expect(listWords([{ ...rows[0]!, attempt: 2 }], { now, terminal: false })).toMatch(/ATTEMPT.*\n.* 2 /);
});
