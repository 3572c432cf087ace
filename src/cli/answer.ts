import { fstatSync, writeFileSync } from 'node:fs';
import { CommandError } from '../compose/command-error.ts';
import { exitCode } from '../compose/exit-code.ts';
import { errorFields } from '../log/error-fields.ts';

const STDOUT = 1;

/**
 * Writes a command's answer to stdout, and resolves once all of it is out: a process that exited before would cut it at
 * what a pipe holds. A reader that has left (`| head -1`) wants no more of it, which is no failure.
 * @throws CommandError when it cannot be written, such as on a full disk.
 */
export async function printAnswer(text: string): Promise<void> {
  try {
    // For a file, process.stdout tries once and would take a write that was cut short by a full disk for a whole one.
    if (isFile()) writeFileSync(STDOUT, text);
    else await written(text);
  } catch (err) {
    const { code, message } = errorFields(err);
    if (code === 'EPIPE') return;
    throw new CommandError(exitCode.internal, `The answer could not be written to stdout: ${message}`, { cause: err });
  }
}

function isFile(): boolean {
  try {
    return fstatSync(STDOUT).isFile();
  } catch {
    return false;
  }
}

function written(text: string): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  // The callback has the error; unheard, the event would end the process.
  process.stdout.once('error', reject);
  process.stdout.write(text, (err) => (err ? reject(err) : resolve()));
  return promise;
}
