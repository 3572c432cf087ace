import { fstatSync, writeFileSync } from 'node:fs';
import { CommandError } from '../compose/command-error.ts';
import { exitCode } from '../compose/exit-code.ts';
import { errorFields } from '../log/error-fields.ts';

const STDOUT = 1;

/**
 * Writes a command's answer to stdout, and resolves once all of it is written: exiting earlier would cut it off at the
 * size of the pipe. A reader that has closed the pipe (`| head -1`) is no failure.
 * @throws CommandError when it cannot be written, such as on a full disk.
 */
export async function printAnswer(text: string): Promise<void> {
  try {
    // For a file, process.stdout writes once and does not notice when a full disk cuts the write short.
    if (isFile()) writeFileSync(STDOUT, text);
    else await written(text);
  } catch (err) {
    const { code, message } = errorFields(err);
    if (code === 'EPIPE') return;
    throw new CommandError(
      exitCode.internal,
      `The answer could not be written to stdout: ${message}\nWhat to do: make room there, or print it elsewhere; the command itself was carried out.`,
      { cause: err },
    );
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
  // The callback has the error; without a listener the event would end the process.
  process.stdout.once('error', reject);
  process.stdout.write(text, (err) => (err ? reject(err) : resolve()));
  return promise;
}
