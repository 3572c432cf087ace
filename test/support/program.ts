import { fileURLToPath } from 'node:url';
import { keys } from '../../src/config/keys.ts';
import { builtProgram } from './built-program.ts';
import { type ChildOptions, spawnNode, type TestChild } from './child.ts';

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

export interface ProgramResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** The same, to its end. */
export async function runProgram(args: readonly string[], env: Env = {}): Promise<ProgramResult> {
  await using child = startProgram(args, env);
  const { code } = await child.exit;
  return { code, stdout: child.stdoutLines.join('\n'), stderr: child.stderrLines.join('\n') };
}
