import { createInterface } from 'node:readline/promises';
import { CommandError } from '../compose/command-error.ts';
import { exitCode } from '../compose/exit-code.ts';

/** Whether somebody can be asked. */
export function isInteractive(): boolean {
  return process.stdin.isTTY === true && process.stderr.isTTY === true;
}

/**
 * Asks on the terminal, where the answer of the command itself does not go. Anything but a yes is a no, and so is Ctrl-D.
 * @throws CommandError (130) after Ctrl-C.
 */
export async function isAgreed(question: string): Promise<boolean> {
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  const interrupt = new AbortController();
  const closed = new Promise<string>((resolve) => terminal.once('close', () => resolve('')));
  terminal.once('SIGINT', () => interrupt.abort());
  try {
    const asked = terminal.question(`${question} [y/N] `, { signal: interrupt.signal });
    const answer = await Promise.race([asked, closed]);
    return /^y(es)?$/i.test(answer.trim());
  } catch (err) {
    if (!interrupt.signal.aborted) throw err;
    throw new CommandError(exitCode.interrupted, 'Nothing was changed.');
  } finally {
    terminal.close();
  }
}
