import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { runProgram } from '../support/program.ts';

const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
const commands = ['start', 'sweep', 'status', 'hold', 'release', 'migrate', 'check', 'demo'];

describe('a command line that is not understood', () => {
  test.each([
    { args: ['swep'], says: /unknown command 'swep'\n\(Did you mean sweep\?\)/ },
    { args: ['sweep', '--jsn'], says: /unknown option '--jsn'\n\(Did you mean --json\?\)/ },
    { args: ['migrate', 'sideways'], says: /'sideways' is invalid.*Allowed choices are up, down, status/ },
    {
      args: ['migrate', 'status', '--delete-all-data'],
      says: /--delete-all-data and .+ belong to down only, not to status/,
    },
    { args: ['migrate', '--even-if-running'], says: /belong to down only, not to up/ },
    { args: ['check', 'twice'], says: /too many arguments for 'check'/ },
    { args: [], says: /Usage: delegation-sweeper/ },
  ])('$args exits 64, with help on stderr and nothing on stdout', async ({ args, says }) => {
    const { code, stdout, stderr } = await runProgram(args);
    expect({ code, stdout }).toEqual({ code: 64, stdout: '' });
    expect(stderr).toMatch(says);
  });

  test('is refused before the configuration is read', async () => {
    expect(await runProgram(['swep'], { STUCK_AFTER: 'soon' })).toMatchObject({ code: 64 });
  });
});

describe('help', () => {
  test('names every command and the exit codes', async () => {
    const { code, stdout, stderr } = await runProgram(['--help']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    for (const command of commands) expect(stdout).toMatch(new RegExp(`^  ${command}\\b`, 'm'));
    expect(stdout).toContain('78 configuration');
  });

  test.each(commands)('%s has its own, also with a configuration that is wrong', async (command) => {
    const { code, stdout } = await runProgram([command, '--help'], { STUCK_AFTER: 'soon' });
    expect(code).toBe(0);
    expect(stdout).toContain(`Usage: delegation-sweeper ${command}`);
  });

  test("--version prints the package's version", async () => {
    expect(await runProgram(['--version'])).toEqual({ code: 0, stdout: version, stderr: '' });
  });
});
