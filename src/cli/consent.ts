import { createInterface } from 'node:readline/promises';
import { CommandError } from '../compose/command-error.ts';
import { exitCode } from '../compose/exit-code.ts';
import { onShutdownSignal } from '../lifecycle/signals.ts';

/** Whether somebody can be asked. */
export function isInteractive(): boolean {
  return process.stdin.isTTY === true && process.stderr.isTTY === true;
}

const UNCHANGED =
  'Nothing was changed. Run it again with --dry-run to see what it would do, or with --yes to do it without a question.';

/**
 * Asks on the terminal, where the answer of the command itself does not go. Anything but a yes is a no, and so is Ctrl-D.
 * @throws CommandError after a no (1), and after Ctrl-C or another signal (130).
 */
export async function requireAgreement(question: string): Promise<void> {
  using shutdown = onShutdownSignal();
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  const interrupt = new AbortController();
  const closed = new Promise<string>((resolve) => terminal.once('close', () => resolve('')));
  terminal.once('SIGINT', () => interrupt.abort());
  // The program must not end by itself here: readline has changed the terminal, and puts it back when it is closed.
  void shutdown.requested.then(() => interrupt.abort());
  try {
    const asked = terminal.question(`${question} [y/N] `, { signal: interrupt.signal });
    const answer = await Promise.race([asked, closed]);
    if (!/^y(es)?$/i.test(answer.trim())) throw new CommandError(exitCode.no, UNCHANGED);
  } catch (err) {
    if (!interrupt.signal.aborted) throw err;
    throw new CommandError(exitCode.interrupted, UNCHANGED);
  } finally {
    terminal.close();
  }
}
