import { fileURLToPath } from 'node:url';
import { spawnNode } from './child.ts';
import { type Env, program, unset } from './program.ts';

const python = fileURLToPath(new URL('./terminal.py', import.meta.url));

export interface Shown {
  readonly code: number | null;
  readonly shown: string;
}

/** The program on a terminal, where somebody types this as soon as it asks (as terminal.py has it). */
export async function onTerminal(typed: string, args: readonly string[], env: Env = {}): Promise<Shown> {
  await using child = spawnNode([python, typed, process.execPath, program.file, ...args], {
    command: '/usr/bin/python3',
    env: { ...unset, ...program.env, ...env },
  });
  const { code } = await child.exit;
  return { code, shown: child.stdoutLines.join('\n') };
}
