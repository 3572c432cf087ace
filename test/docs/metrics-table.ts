import { type Instrument, instruments, PREFIX } from '../../src/ops/telemetry/instruments.ts';

/** The instruments as Markdown, for docs/observability.md, named as /metrics names them. */
export function metricsTable(): string {
  const rows = Object.entries<Instrument>(instruments).map(
    ([name, { kind, help, labels = {} }]) =>
      `| \`${PREFIX}${name}${kind === 'counter' ? '_total' : ''}\` | ${kind} | ${Object.entries(labels).map(label).join('; ')} | ${help} |`,
  );
  return ['| metric | kind | labels | |', '|---|---|---|---|', ...rows].join('\n');
}

function label([name, values]: [string, readonly string[] | null]): string {
  return values === null ? `\`${name}\`` : `\`${name}\`: ${values.join(', ')}`;
}
