import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from '@jest/globals';

const root = path.resolve(import.meta.dirname, '../..');

test('every relative link of a page in the package leads to a file or folder in the package', async () => {
  // Without the build, which only adds dist.
  const pack = ['pack', '--dry-run', '--json', '--ignore-scripts'];
  const { stdout } = await promisify(execFile)('npm', pack, { cwd: root, maxBuffer: 64 * 1024 * 1024 });
  const [{ files }] = JSON.parse(stdout) as [{ files: readonly { path: string }[] }];
  const packed = files.map((file) => file.path);
  const pages = packed.filter((file) => file.endsWith('.md'));
  expect(pages).toEqual(expect.arrayContaining(['README.md', 'docs/library.md', 'docs/deploy.md']));
  const broken: string[] = [];
  for (const page of pages) {
    const text = await readFile(path.join(root, page), 'utf8');
    for (const [, link] of text.matchAll(/\]\((?!https?:|#)([^)#\s]+)[^)]*\)/g)) {
      const target = path.posix.join(path.posix.dirname(page), link!);
      if (!packed.some((file) => file === target || file.startsWith(`${target}/`))) broken.push(`${page}: ${link}`);
    }
  }
  expect(broken).toEqual([]);
});
