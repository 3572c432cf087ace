import { type ExitCode, exitCode } from '../compose/exit-code.ts';
import { type Config, redacted } from '../config/config.ts';

/** The configuration was read before this is called: a wrong one never gets here. */
export function check(config: Config, { json = false }: { readonly json?: boolean }): ExitCode {
  const shown = redacted(config);
  const text = json
    ? JSON.stringify(shown)
    : [
        'The configuration is valid.',
        ...Object.entries(shown).map(([name, value]) => `  ${name} = ${show(value)}`),
      ].join('\n');
  process.stdout.write(`${text}\n`);
  return exitCode.done;
}

function show(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}
