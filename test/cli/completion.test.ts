import { spawn, spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { programOf } from '../../src/cli/program.ts';
import { statuses } from '../../src/index.ts';
import { runProgram } from '../support/program.ts';
import { waitFor } from '../support/wait-for.ts';

let folder: string | undefined;
const fileOf = (shell: string) => path.join(folder!, `completion.${shell}`);
beforeAll(async () => {
  for (const [file, debianPackage] of [
    ['script', 'bsdutils'],
    ['zsh', 'zsh'],
  ] as const) {
    const { error } = spawnSync(file, ['--version']);
    if (error) throw new Error(`${file} is not here: install ${debianPackage} (Debian)`, { cause: error });
  }
  folder = await mkdtemp(path.join(tmpdir(), 'test-completion-'));
  for (const shell of ['bash', 'zsh']) {
    const { code, stdout, stderr } = await runProgram(['completion', shell]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    await writeFile(fileOf(shell), `${stdout}\n`);
  }
});
afterAll(() => (folder === undefined ? undefined : rm(folder, { recursive: true })));

/** What bash would offer for the last word. Words as bash splits a line: `--status=x` is three. */
async function offered(...words: string[]): Promise<string[]> {
  const script = `source "$1"; shift; COMP_WORDS=(delegation-sweeper "$@"); COMP_CWORD=$#
    _delegation_sweeper; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const child = spawn('bash', ['--norc', '-c', script, 'bash', fileOf('bash'), ...words]);
  let text = '';
  for await (const part of child.stdout.setEncoding('utf8')) text += part;
  return text.split('\n').filter((line) => line !== '');
}

const program = programOf({ done: () => {}, writeHelp: () => {} });
const names = program.commands.map((command) => command.name());

describe('bash offers', () => {
  test('every command', async () => {
    expect((await offered('')).toSorted()).toEqual([...names, 'help'].toSorted());
    expect(await offered('sw')).toEqual(['sweep']);
  });

  test.each(names)('every option of %s', async (name) => {
    const command = program.commands.find((each) => each.name() === name)!;
    const options = [...command.options.map(({ long }) => long!), '--help', '-h'];
    expect((await offered(name, '-')).toSorted()).toEqual(options.toSorted());
  });

  test('the values of an option, also after an equals sign, and of an argument', async () => {
    expect(await offered('list', '--status', '')).toEqual(statuses);
    expect(await offered('list', '--status', '=')).toEqual(statuses);
    expect(await offered('list', '--limit', '5', '--status', '=', 'st')).toEqual(['stuck']);
    expect(await offered('migrate', '')).toEqual(['up', 'down', 'status']);
    expect(await offered('migrate', 'status', '')).toContain('--json');
  });

  test('nothing where nobody can tell what comes', async () => {
    expect(await offered('list', '--caller', '')).toEqual([]);
    expect(await offered('list', '--caller', 's')).toEqual([]);
  });

  test('the options of the command alone, also after a value that is the name of another', async () => {
    expect(await offered('list', '--caller', 'sweep', '--dr')).toEqual([]);
    expect(await offered('sweep', '--dr')).toEqual(['--dry-run']);
  });

  test('and evaluates nothing that was typed', async () => {
    const trap = path.join(folder!, 'trap');
    expect(await offered('list', '--caller', `$(touch ${trap})`, '--st')).toEqual(['--status']);
    expect(await offered(`$(touch ${trap})`)).toEqual([]);
    expect(await offered('list', '--status', `$(touch ${trap})`)).toEqual([]);
    await expect(rm(trap)).rejects.toMatchObject({ code: 'ENOENT' });
  });
});

/** Types into an interactive shell on a terminal of its own, in which the program prints what it was called with. */
async function calledWith(shell: 'bash' | 'zsh', typed: string): Promise<string> {
  const start = { bash: 'bash --norc --noprofile -i', zsh: 'zsh -f -i' }[shell];
  const child = spawn('script', ['--quiet', '--flush', '--command', start, '/dev/null'], {
    env: { ...process.env, TERM: 'dumb', HOME: folder },
  });
  const closed = new Promise((resolve) => child.once('close', resolve));
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (part: string) => {
    output += part;
  });
  child.stdin.on('error', () => undefined);
  const said = (pattern: RegExp) => waitFor(`${shell} to say ${pattern}`, async () => pattern.test(output));
  const load = { bash: '', zsh: `autoload -Uz compinit; compinit -u -D;` }[shell];
  child.stdin.write(
    `${load} source ${fileOf(shell)}; delegation-sweeper() { printf 'called %s\\n' "<$*>"; }; printf 'rea%s\\n' dy\n`,
  );
  await said(/ready/);
  child.stdin.write(`${typed}\n`);
  await said(/called <.*>/);
  child.stdin.write('exit\n');
  await closed;
  return /called <(.*)>/.exec(output)![1]!.trim();
}

describe.each(['bash', 'zsh'] as const)('an interactive %s completes', (shell) => {
  test('a command', async () => {
    expect(await calledWith(shell, 'delegation-sweeper stat\t --json')).toBe('status --json');
  });

  test('an option', async () => {
    expect(await calledWith(shell, 'delegation-sweeper sweep --dr\t')).toBe('sweep --dry-run');
  });

  test('the value of an option', async () => {
    expect(await calledWith(shell, 'delegation-sweeper list --status=stu\t')).toBe('list --status=stuck');
    expect(await calledWith(shell, 'delegation-sweeper list --status comp\t')).toBe('list --status completed');
  });

  test('an argument', async () => {
    expect(await calledWith(shell, 'delegation-sweeper migrate do\t')).toBe('migrate down');
  });
});

test('a shell that it does not know is refused, and those that it knows are named', async () => {
  const { code, stderr } = await runProgram(['completion', 'zhs']);
  expect(code).toBe(64);
  expect(stderr).toMatch(/Allowed choices are bash, zsh\.\n\(Did you mean zsh\?\)/);
});
