import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { build, type Plugin } from 'esbuild';

const PACKAGES = ['kysely', 'kysely/migration', 'pg', 'zod', 'pg-boss', '@opentelemetry/api', 'fast-check'];
/** CommonJS, of which a bundle alone would have no names to import. */
const COMMONJS = ['pino', 'cron-parser'];
const ALL = [...PACKAGES, ...COMMONJS];

const root = path.resolve(import.meta.dirname, '../..');
const cache = path.join(root, 'node_modules/.cache');

/**
 * These packages have hundreds of modules, and Jest takes long to find and load each: a bundle of each package is loaded in its
 * place, once for each worker. Returns Jest's `moduleNameMapper` for that.
 */
export async function bundlePackages(): Promise<Record<string, string>> {
  const lock = await readFile(path.join(root, 'package-lock.json'), 'utf8');
  const source = await readFile(import.meta.filename, 'utf8');
  const key = createHash('sha256').update(lock).update(source).digest('hex').slice(0, 16);
  const bundles = path.join(cache, `test-packages-${key}`);
  if (!existsSync(bundles)) await makeBundles(bundles);
  return { [`^(${ALL.join('|')})$`]: path.join(bundles, '$1.mjs') };
}

/** A CommonJS package as a module that exports each of its names. */
const named: Plugin = {
  name: 'named',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^named:/ }, ({ path: name }) => ({ path: name.slice('named:'.length), namespace: 'named' }));
    onLoad({ filter: /.*/, namespace: 'named' }, async ({ path: name }) => {
      const names = Object.keys((await import(name)).default).filter(
        (key) => /^[a-z]\w*$/i.test(key) && key !== 'default',
      );
      const contents = `const all = require('${name}'); export default all; export const { ${names.join(', ')} } = all;`;
      return { contents, resolveDir: root };
    });
  },
};

/** Made under another name, then renamed: of two runs at once, one is first and the other uses what it made. */
async function makeBundles(bundles: string): Promise<void> {
  await mkdir(cache, { recursive: true });
  const draft = await mkdtemp(`${bundles}.`);
  try {
    await build({
      absWorkingDir: root,
      entryPoints: Object.fromEntries([
        ...PACKAGES.map((name) => [name, name]),
        ...COMMONJS.map((name) => [name, `named:${name}`]),
      ]),
      plugins: [named],
      outdir: draft,
      outExtension: { '.js': '.mjs' },
      bundle: true,
      // What two packages share stays one module.
      splitting: true,
      format: 'esm',
      platform: 'node',
      mainFields: ['module', 'main'],
      external: ['pg-native'],
      // CommonJS inside of them requires Node's modules.
      banner: { js: `import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);` },
    });
    await rename(draft, bundles);
  } catch (err) {
    await rm(draft, { recursive: true, force: true });
    if (!existsSync(bundles)) throw err;
  }
}
