import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';

const importing = /(?:from|import)\s*\(?\s*['"](\.{1,2}\/[^'"]+)['"]/g;

/** Deletes every declaration that no entry reaches: internals would look like a public interface. */
export function pruneDeclarations(folder: string, entries: readonly string[]): void {
  const reached = new Set<string>();
  const visit = (file: string): void => {
    if (reached.has(file)) return;
    reached.add(file);
    for (const [, specifier] of readFileSync(file, 'utf8').matchAll(importing)) visit(declarationOf(file, specifier!));
  };
  for (const entry of entries) visit(path.join(folder, entry));
  for (const found of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    const file = path.join(folder, found);
    if (file.endsWith('.d.ts') && !reached.has(file)) rmSync(file);
  }
}

function declarationOf(importer: string, specifier: string): string {
  const file = path.join(path.dirname(importer), specifier.replace(/\.(ts|js)$/, '.d.ts'));
  if (!existsSync(file)) throw new Error(`${importer} imports ${specifier}, which has no declaration`);
  return file;
}
