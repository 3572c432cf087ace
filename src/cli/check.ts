import { type ExitCode, exitCode } from '../compose/exit-code.ts';
import { type Config, redacted } from '../config/config.ts';
import { visible } from '../log/visible.ts';
import { printAnswer } from './answer.ts';

/** Prints the configuration. It has been validated by the time this is called. */
export async function check(config: Config, { json = false }: { readonly json?: boolean }): Promise<ExitCode> {
  const values = redacted(config);
  const text = json
    ? JSON.stringify(values)
    : [
        'The configuration is valid.',
        ...Object.entries(values).map(([name, value]) => `  ${name} = ${visible(wordsOf(value))}`),
      ].join('\n');
  await printAnswer(`${text}\n`);
  return exitCode.done;
}

function wordsOf(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}
