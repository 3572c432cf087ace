/**
 * Builds `dist`, which is what the package carries: the ledger library, and the daemon with its command line.
 *
 * `node deploy/package/build.ts [folder] [--standalone]`
 *
 * Both are bundled, so that an agent that installs the library gets kysely, pg and pino and nothing that only the daemon
 * needs: what else the daemon uses (pg-boss, zod, OpenTelemetry and so on) is in its own files. Chunks that both
 * share are built once. The demo and the embedded PostgreSQL belong to a checkout and are left out.
 *
 * dist/index.js         the library            dist/migrations/*.js  each migration, as the migrator reads them
 * dist/a2a.js           it under A2A           dist/types/           the declarations of both
 * dist/main.js          the command line
 */
import { execFileSync } from 'node:child_process';
import { readdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { build, type Metafile } from 'esbuild';
import { pruneDeclarations } from './declarations.ts';
import { licenses } from './licenses.ts';

const root = path.resolve(import.meta.dirname, '../..');
const { positionals, values } = parseArgs({ allowPositionals: true, options: { standalone: { type: 'boolean' } } });
/** The target; the benchmark builds into a folder of its own. */
const dist = path.resolve(root, positionals[0] ?? 'dist');

/** Installed next to the package, never inside it: the user's program and the ledger must share one kysely, and one SDK. */
const shared = ['kysely', 'kysely/*', 'pg', 'pino', '@a2a-js/sdk', '@a2a-js/sdk/*'];
/** Only in a checkout; and what pg does not need. */
const leftOut = ['pg-native', '*/demo/demo.ts', '*/embedded/embedded-postgres.ts', '*/embedded/join-embedded.ts'];

rmSync(dist, { recursive: true, force: true });
const { metafile } = await build({
  absWorkingDir: root,
  outdir: dist,
  outbase: root,
  entryPoints: [
    { in: 'src/index.ts', out: 'index' },
    { in: 'src/a2a/index.ts', out: 'a2a' },
    { in: 'src/main.ts', out: 'main' },
    ...readdirSync(path.join(root, 'migrations')).map((file) => ({
      in: `migrations/${file}`,
      out: `migrations/${path.parse(file).name}`,
    })),
  ],
  // Two folders deep, as src/db/migrator.ts is: from either, the migrations are at ../../migrations.
  chunkNames: 'bundle/chunks/[name]-[hash]',
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node24',
  // The image's build is standalone: it has no node_modules.
  external: values.standalone ? leftOut : [...shared, ...leftOut],
  // No source map: nothing is minified, and Node would read the maps of every chunk at the start, at 40 MB of memory.
  sourcemap: false,
  // CommonJS packages inside the bundle require Node's own modules.
  banner: {
    js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);",
  },
  metafile: true,
  logLevel: 'warning',
});
execFileSync(
  process.execPath,
  [
    path.join(root, 'node_modules/typescript/bin/tsc'),
    '-p',
    'tsconfig.build.json',
    '--outDir',
    path.join(dist, 'types'),
  ],
  {
    cwd: root,
    stdio: 'inherit',
  },
);
pruneDeclarations(path.join(dist, 'types'), ['src/index.d.ts', 'src/a2a/index.d.ts']);
writeFileSync(path.join(dist, 'LICENSES.txt'), licenses(root, bundledPackages(metafile)));

/** The packages whose code is in the bundle. */
function bundledPackages({ inputs }: Metafile): string[] {
  const names = Object.keys(inputs).flatMap((file) => {
    const inside = file.split('node_modules/').at(-1)!;
    return inside === file
      ? []
      : [
          inside
            .split('/')
            .slice(0, inside.startsWith('@') ? 2 : 1)
            .join('/'),
        ];
  });
  return [...new Set(names)].sort();
}
