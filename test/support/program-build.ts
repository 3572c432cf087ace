import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { build } from 'esbuild';
import { PROGRAMS } from './built-program.ts';

const root = path.resolve(import.meta.dirname, '../..');
const cache = path.join(root, 'node_modules/.cache');
const PREFIX = 'test-programs-';
/** Of a build that no run has used for so long nobody needs the files any more. */
const KEPT_MS = 24 * 3_600_000;

/**
 * Bundles the programs that tests start, as the package's build does: from their sources each start reads some thousand
 * files, which took most of its CPU time. Returns the folder, which is named after what is in it.
 */
export async function buildPrograms(): Promise<string> {
  const files = await bundle();
  // The program says its version, and Node asks which kind of modules these are.
  files.push({ path: 'package.json', contents: await readFile(path.join(root, 'package.json')) });
  const hash = createHash('sha256');
  for (const { path: file, contents } of files) hash.update(file).update(contents);
  const folder = path.join(cache, PREFIX + hash.digest('hex').slice(0, 16));
  if (existsSync(folder)) await utimes(folder, new Date(), new Date());
  else await write(files, folder);
  await removeUnused();
  return folder;
}

interface File {
  readonly path: string;
  readonly contents: Uint8Array;
}

async function bundle(): Promise<File[]> {
  const migrations = (await readdir(path.join(root, 'migrations'))).map(
    (file) => `migrations/${path.parse(file).name}`,
  );
  const entries = [...Object.entries(PROGRAMS), ...migrations.map((name) => [`${name}.ts`, name] as const)];
  const { outputFiles } = await build({
    absWorkingDir: root,
    entryPoints: entries.map(([source, out]) => ({ in: source, out })),
    // The paths in the build must not depend on its name.
    outdir: root,
    // Two folders deep, as src/db/migrator.ts is: from either, the migrations are at ../../migrations.
    chunkNames: 'src/bundle/[name]-[hash]',
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node24',
    external: ['pg-native'],
    // Less to read, and of packages that have both kinds of modules the kind of which only what is used gets in: a start
    // takes a quarter less CPU time.
    mainFields: ['module', 'main'],
    minifyWhitespace: true,
    minifySyntax: true,
    // CommonJS packages inside the bundle require Node's own modules.
    banner: {
      js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);",
    },
    write: false,
    logLevel: 'warning',
  });
  return outputFiles.map(({ path: file, contents }) => ({ path: path.relative(root, file), contents }));
}

/** Under another name, then renamed: of two runs at once, one is first and the other uses what it wrote. */
async function write(files: readonly File[], folder: string): Promise<void> {
  await mkdir(cache, { recursive: true });
  const draft = await mkdtemp(`${folder}.`);
  try {
    for (const { path: file, contents } of files) {
      const target = path.join(draft, file);
      await mkdir(path.dirname(target), { recursive: true });
      await writeFile(target, contents);
    }
    await rename(draft, folder);
  } catch (err) {
    await rm(draft, { recursive: true, force: true });
    if (!existsSync(folder)) throw err;
  }
}

async function removeUnused(): Promise<void> {
  for (const name of await readdir(cache)) {
    const folder = path.join(cache, name);
    if (!name.startsWith(PREFIX)) continue;
    // Another run may have removed it.
    const { mtimeMs } = await stat(folder).catch(() => ({ mtimeMs: Number.POSITIVE_INFINITY }));
    if (Date.now() - mtimeMs > KEPT_MS) await rm(folder, { recursive: true, force: true });
  }
}
