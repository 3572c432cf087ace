import { readFileSync, writeFileSync } from 'node:fs';

/**
 * The text between `<!-- name:begin -->` and `<!-- name:end -->` of a file in docs/. With UPDATE_DOCS=1 it is replaced
 * by `generated` first.
 */
export function docsBlock(file: string, name: string, generated: string): string {
  const path = new URL(`../../docs/${file}`, import.meta.url);
  const block = new RegExp(`(?<=<!-- ${name}:begin -->\n).*?(?=<!-- ${name}:end -->)`, 's');
  const before = readFileSync(path, 'utf8');
  const after = process.env.UPDATE_DOCS === '1' ? before.replace(block, () => `${generated}\n`) : before;
  if (after !== before) writeFileSync(path, after);
  return block.exec(after)?.[0].trimEnd() ?? '';
}
