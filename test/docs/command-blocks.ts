import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';

const root = path.resolve(import.meta.dirname, '../..');

/** A fenced block of commands in README.md or another page. */
export interface CommandBlock {
  /** From the checkout's root. */
  readonly file: string;
  /** As a reader copies it. */
  readonly text: string;
}

/** Pages that a reader follows. The changelog tells what was. */
const pages = ['*.md', 'docs/**/*.md', 'deploy/**/*.md', 'bench/**/*.md'];
const fence = /^([ \t]*)```(\w*)\n(.*?)^[ \t]*```$/gms;

/** Every block in a shell's language, in the order of the pages. */
export function commandBlocks(): CommandBlock[] {
  return blocksIn(['sh', 'bash', 'shell', 'console']);
}

/** Every block in one of these languages; `''` for a block that names none. */
export function blocksIn(languages: readonly string[]): CommandBlock[] {
  const files = pages
    .flatMap((page) => globSync(page, { cwd: root, exclude: ['**/node_modules', 'CHANGELOG.md'] }))
    .sort();
  return files.flatMap((file) => {
    const text = readFileSync(path.join(root, file), 'utf8');
    return [...text.matchAll(fence)]
      .filter(([, , language]) => languages.includes(language!.toLowerCase()))
      .map(([, indent, , block]) => ({ file, text: block!.replaceAll(new RegExp(`^${indent}`, 'gm'), '') }));
  });
}
