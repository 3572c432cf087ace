import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

/** The licences of the bundled packages, as each of them requires: name, version and text. */
export function licenses(root: string, packages: readonly string[]): string {
  return packages
    .map((name) => {
      const folder = path.join(root, 'node_modules', name);
      const { version, license } = JSON.parse(readFileSync(path.join(folder, 'package.json'), 'utf8'));
      const file = readdirSync(folder).find((entry) => /^(licen[cs]e|copying)/i.test(entry));
      const text = file && existsSync(path.join(folder, file)) ? readFileSync(path.join(folder, file), 'utf8') : '';
      return `${name} ${version} (${license})\n\n${text.trim()}\n`;
    })
    .join('\n----\n\n');
}
