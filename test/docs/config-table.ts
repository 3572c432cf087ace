import { keys } from '../../src/config/keys.ts';

/** The variables as Markdown, for docs/configuration.md. */
export function configTable(): string {
  const rows = Object.values(keys).map(
    (key) => `| \`${key.env}\` | ${key.default === null ? '' : `\`${key.default}\``} | ${key.doc} | ${key.accepted} |`,
  );
  return ['| variable | default | meaning | accepted |', '|---|---|---|---|', ...rows].join('\n');
}
