import { describe, expect, test } from '@jest/globals';
import { runProgram } from '../support/program.ts';
import { useDatabase } from '../support/use-database.ts';

const database = useDatabase({ per: 'test' });
const advise = (...args: string[]) => runProgram(['advise', ...args], { DATABASE_URL: database.url });

/** 20 s are the 203rd bucket. */
const known = (calleeId: string, sampled: number, longest: Readonly<Record<number, number>>) =>
  database.query(
    `INSERT INTO sweeper_advice (day, callee_id, started, sampled, gaps, longest)
     VALUES ((clock_timestamp() AT TIME ZONE 'UTC')::date, $1, $2 * 10, $2, $3, $3)`,
    [calleeId, sampled, JSON.stringify(longest)],
  );

describe('advise', () => {
  test('on nothing says nothing, and how evidence comes about', async () => {
    const { code, stdout, stderr } = await advise();
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/^No evidence yet\. A running daemon gathers it/);
    expect(JSON.parse((await advise('--json')).stdout)).toMatchObject({ callees: [], calleesKnown: 0 });
  });

  test('gives each callee’s threshold in a table, and the same as one JSON object', async () => {
    await known('coder', 5_000, { 203: 5_000 });
    await known('rare', 212, { 203: 212 });
    const { code, stdout } = await advise();
    expect(code).toBe(0);
    expect(stdout).toMatch(/^CALLEE +FOLLOWED +99\.9% OF GAPS +TODAY +ADVICE$/m);
    expect(stdout).toMatch(/^coder +5,000 of 50,000 +\d+ s +10 min +25 s: dead agents are found 9 min 35 s earlier$/m);
    expect(stdout).toMatch(/^rare +212 of 2,120 +10 min +too little evidence: 212 of about 3,000$/m);
    expect(stdout).toContain('set STUCK_AFTER (25s suits');
    const json = JSON.parse((await advise('--json')).stdout);
    expect(json).toMatchObject({
      days: 30,
      stuckAfterMs: 600_000,
      delegationsMin: 2_996,
      calleesKnown: 2,
      callees: [
        { calleeId: 'coder', verdict: 'could_be_shorter', threshold: { ms: 25_000, exceeding: 0 }, gainMs: 575_000 },
        { calleeId: 'rare', verdict: 'too_little', threshold: null },
      ],
    });
  });

  test('about one callee; 1 when nothing is known of it', async () => {
    await known('coder', 5_000, { 203: 5_000 });
    await known('other', 5_000, { 203: 5_000 });
    const { code, stdout } = await advise('--callee', 'coder');
    expect(code).toBe(0);
    expect(stdout).toContain('coder');
    expect(stdout).not.toContain('other');
    const nothing = await advise('--callee', 'nobody');
    expect(nothing).toMatchObject({ code: 1, stderr: '' });
    expect(nothing.stdout).toContain('No evidence about the callee nobody yet.');
  });

  test('an id that would move the cursor is made visible', async () => {
    await known('\u001b[2Jevil\n\u202e', 10, { 203: 10 });
    const { stdout } = await advise();
    expect(stdout).toContain('\\x1b[2Jevil\\n\\u202e');
    expect((await advise('--callee', '\u001b[31m')).stdout).toContain('callee \\x1b[31m yet');
  });

  test('an outdated schema is a configuration error that names the remedy', async () => {
    await database.query('DROP TABLE delegation_sweeper_migrations');
    expect(await advise()).toMatchObject({ code: 78, stdout: '', stderr: expect.stringContaining('migrate up') });
  });
});
