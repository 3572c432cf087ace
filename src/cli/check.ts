import { type ExitCode, exitCode } from '../compose/exit-code.ts';
import { type Config, redacted } from '../config/config.ts';
import { durationText } from '../config/duration.ts';
import { keys } from '../config/keys.ts';
import { visible } from '../log/visible.ts';
import { printAnswer } from './answer.ts';

/** Prints the configuration. It has been validated by the time this is called. */
export async function check(config: Config, { json = false }: { readonly json?: boolean }): Promise<ExitCode> {
  await printAnswer(`${json ? JSON.stringify(redacted(config)) : words(config)}\n`);
  return exitCode.done;
}

/** Each variable with its value, as it would be written. */
function words(config: Config): string {
  const { database, telemetry, dbSchema, ...others } = redacted(config);
  // DB_SCHEMAS takes its place.
  const settings = config.dbSchemas === null ? { dbSchema, ...others } : others;
  const lines = [
    ...Object.entries(database as Config['database']).map(([name, value]) => `database ${name} = ${value}`),
    ...Object.entries(keys)
      .filter(([name]) => name in settings)
      .map(([name, { env, default: unset }]) => `${env} = ${valueText(name, settings[name], unset)}`),
    ...Object.entries(telemetry as Config['telemetry']).map(
      ([name, value]) => `OpenTelemetry ${name} = ${valueText(name, value)}`,
    ),
  ];
  return ['The configuration is valid.', ...lines.map((line) => `  ${visible(line)}`)].join('\n');
}

/** `unset`: what the variable is without a value. */
function valueText(name: string, value: unknown, unset: string | null = null): string {
  if (value === null) return unset ?? '(not set)';
  if (Array.isArray(value)) return value.join(',');
  return name.endsWith('Ms') ? durationText(value as number) : String(value);
}
