import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { checks } from '../../src/doctor/checks.ts';
import { type PasswordServer, startPasswordServer } from '../support/password-server.ts';
import { runProgram, startProgram } from '../support/program.ts';
import { useDatabase } from '../support/use-database.ts';
import { waitFor } from '../support/wait-for.ts';

const database = useDatabase({ per: 'test', replayed: false });
const doctor = (...args: string[]) => runProgram(['doctor', ...args], { DATABASE_URL: database.url });

describe('doctor', () => {
  test('says what is wrong, how it is known and what to do, problems first, and exits 1', async () => {
    await database.query('ALTER TABLE delegations SET (autovacuum_enabled = off, fillfactor = 100)');
    const { code, stdout } = await doctor();
    expect(code).toBe(1);
    const finding = [
      'problem: Autovacuum is off for delegations (vacuum)',
      '  how it is known: autovacuum_enabled=off among the settings of the table',
      '  what to do:      `ALTER TABLE public.delegations RESET (autovacuum_enabled);`',
    ];
    expect(stdout).toContain(finding.join('\n'));
    expect(stdout).toMatch(/problem: No daemon is running.*\n(.*\n)*advice: Settings of delegations were changed/);
    expect(stdout.lastIndexOf('\nproblem: ')).toBeLessThan(stdout.indexOf('\nadvice: '));
    expect(stdout).toMatch(
      /^\d+ problems and \d+ pieces of advice: of 29 checks \d+ found nothing, \d+ found something, and 0 could not run\.$/m,
    );
    expect(stdout).toMatch(new RegExp(`^Database: .*/${database.name}, schema public\\.$`, 'm'));
  });

  test('gives the same as one JSON object, with the outcome of each check', async () => {
    await database.query('DROP SCHEMA pgboss CASCADE');
    const { code, stdout } = await doctor('--json');
    const answer = JSON.parse(stdout);
    expect(code).toBe(1);
    expect(Object.keys(answer)).toEqual(['database', 'reachable', 'findings', 'checks']);
    expect(answer.findings).toContainEqual({
      check: 'pgboss',
      severity: 'problem',
      what: "pg-boss's schema is not installed",
      how: 'the schema pgboss has no table version',
      remedy: 'Run `delegation-sweeper migrate up`, or set PGBOSS_SCHEMA to the schema that has it.',
    });
    expect(answer.checks.map(({ check }: { check: string }) => check)).toEqual(checks.map(({ name }) => name));
    expect(answer.checks).toContainEqual(
      expect.objectContaining({ check: 'schedule', outcome: 'not_run', reason: expect.stringContaining('42P01') }),
    );
  });

  test('a ledger that is not there is a finding, and no check is an internal error', async () => {
    await database.query('DROP SCHEMA public CASCADE');
    const { code, stdout } = await doctor('--json');
    const answer = JSON.parse(stdout);
    expect(code).toBe(1);
    expect(answer.findings).toContainEqual(expect.objectContaining({ check: 'schema', severity: 'problem' }));
    for (const { reason } of answer.checks)
      if (reason !== null) expect(reason).toMatch(/\(42P01\)|\(3F000\)|no ledger/);
  });

  test("finds that this machine's clock differs from the database's", async () => {
    const url = new URL('../support/shifted-clock.ts', import.meta.url).href;
    const shifted = { NODE_OPTIONS: `--import=${url}`, CLOCK_SHIFT_MS: '60000', DATABASE_URL: database.url };
    const { stdout } = await runProgram(['doctor', '--json'], shifted);
    expect(JSON.parse(stdout).findings).toContainEqual(
      expect.objectContaining({
        check: 'clocks',
        severity: 'advice',
        how: expect.stringMatching(/^this machine is (5\d s|1 min.*) ahead of the database$/),
      }),
    );
  });

  test('names on stderr the check that takes long, and is ended by Ctrl-C', async () => {
    const holder = await database.connect();
    await holder.query('BEGIN; LOCK TABLE delegation_sweeper_migrations IN ACCESS EXCLUSIVE MODE');
    await using child = startProgram(['doctor'], { DATABASE_URL: database.url });
    await waitFor('the check to be named', () => child.stderrLines.includes('still checking: schema'));
    child.kill('SIGINT');
    expect(await child.exit).toMatchObject({ signal: 'SIGINT' });
  });
});

describe('without the database', () => {
  test('doctor says what can be said, and exits 69', async () => {
    const { code, stdout } = await runProgram(['doctor'], {
      DATABASE_URL: 'postgresql://sweeper:hush@127.0.0.1:1/ledger?sslmode=verify-full',
    });
    expect(code).toBe(69);
    expect(stdout).toMatch(/^problem: The database does not answer \(connection\)$/m);
    expect(stdout).toMatch(/how it is known: connecting to 127\.0\.0\.1:1: .*ECONNREFUSED/);
    expect(stdout).toContain('address: 127.0.0.1:1');
    expect(stdout).toContain("TLS: on; the server's certificate and its host name are verified");
    expect(stdout).toMatch(/of 29 checks 0 found nothing, 1 found something, and 28 could not run/);
    expect(stdout).not.toContain('hush');
  });

  test('a configuration that is not valid exits 78', async () => {
    const { code, stdout, stderr } = await runProgram(['doctor'], { DATABASE_URL: database.url, STUCK_AFTER: 'soon' });
    expect({ code, stdout }).toEqual({ code: 78, stdout: '' });
    expect(stderr).toContain('STUCK_AFTER');
  });

  describe('a refused password', () => {
    let server: PasswordServer;
    beforeAll(async () => {
      server = await startPasswordServer();
    });
    afterAll(async () => {
      await server[Symbol.asyncDispose]();
    });

    test('is a finding that names what to correct, and not the password', async () => {
      const { code, stdout } = await runProgram(['doctor', '--json'], { DATABASE_URL: server.url('hush') });
      expect(code).toBe(69);
      expect(JSON.parse(stdout).findings).toMatchObject([
        {
          check: 'connection',
          what: 'The database refuses the connection',
          remedy: expect.stringContaining('check the user and the password'),
        },
      ]);
      expect(stdout).not.toContain('hush');
    });
  });
});
