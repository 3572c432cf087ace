import { fileURLToPath } from 'node:url';
import { keys } from '../../src/config/keys.ts';
import { builtProgram } from './built-program.ts';
import { type ChildOptions, spawnNode, type TestChild } from './child.ts';
import { COMMAND_RUNNER, type CommandResult, type WithCommandRunner } from './command-runner.ts';

const main = fileURLToPath(new URL('../../src/main.ts', import.meta.url));

const built = builtProgram(main);

/** For tests that start the program by other means than those below: its file, and what they add to its environment. */
export const program = {
  file: built?.file ?? main,
  env: built ? { NODE_COMPILE_CACHE: built.compileCache } : {},
};

/** Without the configuration of the user who runs the tests. */
export const unset = Object.fromEntries(
  [...Object.values(keys).map(({ env }) => env), 'NODE_ENV'].map((name) => [name, undefined]),
);

export type Env = Readonly<Record<string, string | undefined>>;

/** The program as a separate process, with only this configuration. */
export function startProgram(
  args: readonly string[],
  env: Env = {},
  options: Omit<ChildOptions, 'env'> = {},
): TestChild {
  return spawnNode([main, ...args], { ...options, env: { ...unset, ...env } });
}

/** What is there only while a program starts: Node's own variables, and those of its loader. */
const ofTheStart = /^(?:NODE_(?!ENV$)|LD_)/;

const runner = (globalThis as WithCommandRunner)[COMMAND_RUNNER];
const commandProcess = builtProgram(fileURLToPath(new URL('./command-process.ts', import.meta.url)));

/**
 * A command to its end, in a process that has run others before. A process of its own has what stays or needs one: the
 * daemon, the demo, what Node reads at its start, and the second of two commands at once.
 */
export async function runProgram(args: readonly string[], env: Env = {}): Promise<CommandResult> {
  const needsProcess =
    ['start', 'demo'].includes(args[0] ?? '') || Object.keys(env).some((name) => ofTheStart.test(name));
  if (!needsProcess && runner && commandProcess) {
    const { NODE_OPTIONS: _, ...inherited } = process.env;
    const given = { ...inherited, NODE_COMPILE_CACHE: commandProcess.compileCache, ...unset, ...env };
    const whole = Object.entries(given).filter((entry): entry is [string, string] => entry[1] !== undefined);
    const result = await runner.run(commandProcess.file, { args, env: Object.fromEntries(whole) });
    if (result) return { ...result };
  }
  await using child = startProgram(args, env);
  const { code } = await child.exit;
  return { code, stdout: child.stdoutLines.join('\n'), stderr: child.stderrLines.join('\n') };
}
