import { type Instrument, instruments, PREFIX } from '../../src/ops/telemetry/instruments.ts';
import { prometheusLabel, prometheusName } from '../../src/ops/telemetry/prometheus-names.ts';

/** The instruments as Markdown, for docs/observability.md, named as /metrics and as OTLP names them. */
export function metricsTable(): string {
  const rows = Object.entries<Instrument>(instruments).map(([name, instrument]) => {
    const { kind, help, unit, labels = {} } = instrument;
    const inOtlp = `\`${PREFIX}${name}\`${unit === undefined ? '' : `, ${unit}`}`;
    return `| \`${prometheusName(name, instrument)}\` | ${inOtlp} | ${kind} | ${Object.entries(labels).map(label).join('; ')} | ${help} |`;
  });
  return ['| metric | in OTLP | kind | labels | |', '|---|---|---|---|---|', ...rows].join('\n');
}

function label([name, values]: [string, readonly string[] | null]): string {
  const shown = `\`${prometheusLabel(name)}\``;
  return values === null ? shown : `${shown}: ${values.join(', ')}`;
}
