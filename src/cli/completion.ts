import type { Command } from 'commander';
import { type ExitCode, exitCode } from '../compose/exit-code.ts';
import { printAnswer } from './answer.ts';
import { bashCompletion } from './completion/bash.ts';
import { commandTree } from './completion/command-tree.ts';
import { zshCompletion } from './completion/zsh.ts';

const scripts = { bash: bashCompletion, zsh: zshCompletion } as const;

export type Shell = keyof typeof scripts;
export const shells = Object.keys(scripts) as readonly Shell[];

/** Prints the script that completes the program's commands, options and values in a shell. */
export async function completion(
  program: Command,
  shell: Shell,
  { json = false }: { readonly json?: boolean },
): Promise<ExitCode> {
  const script = scripts[shell](program.name(), commandTree(program));
  await printAnswer(json ? `${JSON.stringify({ shell, script })}\n` : script);
  return exitCode.done;
}
