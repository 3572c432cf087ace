import { type SpanName, spans } from '../../src/sweeper/tracing.ts';

/** The spans as Markdown, for docs/observability.md. */
export function spanTable(): string {
  const rows = (Object.keys(spans) as SpanName[]).map((name) => {
    const { meaning, attributes } = spans[name];
    const prefixed = attributes.map((attribute) => `\`delegation_sweeper.${attribute}\``);
    return `| \`${name}\` | ${meaning} | ${prefixed.join(', ')} |`;
  });
  return ['| span | | attributes |', '|---|---|---|', ...rows].join('\n');
}
