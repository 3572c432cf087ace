import { readFileSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, test } from '@jest/globals';
import { spawnNode } from '../support/child.ts';

const root = path.resolve(import.meta.dirname, '../..');

/** Prints the packages whose files a fresh process reads when it imports `module`, then `afterwards`. */
async function packagesLoadedBy(module: string, afterwards = ''): Promise<string[]> {
  const script = `
    import { registerHooks } from 'node:module';
    const loaded = new Set();
    registerHooks({ load(url, context, next) {
      const [, name] = /.*\\/node_modules\\/((?:@[^/]+\\/)?[^/]+)\\//.exec(url) ?? [];
      if (name) loaded.add(name);
      return next(url, context);
    } });
    const imported = await import(${JSON.stringify(pathToFileURL(path.join(root, module)).href)});
    ${afterwards}
    process.stdout.write([...loaded].sort().join('\\n') + '\\n');`;
  await using child = spawnNode(['--input-type=module', '--eval', script]);
  const { code } = await child.exit;
  expect({ code, stderr: child.stderrLines }).toEqual({ code: 0, stderr: [] });
  return child.stdoutLines.filter((line) => line !== '');
}

/** A package and all that it depends on. */
function withDependencies(name: string, from = path.join(root, 'package.json'), seen = new Set<string>()): Set<string> {
  if (seen.has(name)) return seen;
  let manifest: string | undefined;
  for (let dir = path.dirname(from); manifest === undefined && dir !== path.dirname(dir); dir = path.dirname(dir)) {
    const candidate = path.join(dir, 'node_modules', name, 'package.json');
    try {
      readFileSync(candidate);
      manifest = candidate;
    } catch {}
  }
  if (manifest === undefined) return seen; // optional, not installed
  seen.add(name);
  const { dependencies = {} } = JSON.parse(readFileSync(manifest, 'utf8'));
  for (const dependency of Object.keys(dependencies)) withDependencies(dependency, manifest, seen);
  return seen;
}

test('the library loads kysely, pg and pino, and nothing that only the daemon needs', async () => {
  const allowed = new Set(['kysely', 'pg', 'pino'].flatMap((name) => [...withDependencies(name)]));
  // Used, not only imported: packages loaded later count as well.
  const use = `
    await using ledger = await imported.openLedger('postgresql://127.0.0.1:1/nowhere');
    await ledger.get('d').catch(() => {});`;
  const loaded = await packagesLoadedBy('src/index.ts', use);
  expect(loaded.filter((name) => !allowed.has(name))).toEqual([]);
  expect(loaded).toEqual(expect.arrayContaining(['kysely', 'pg', 'pino']));
});

test('the A2A entry loads the SDK besides, and neither an HTTP server nor gRPC', async () => {
  const packages = ['kysely', 'pg', 'pino', '@a2a-js/sdk'];
  const allowed = new Set(packages.flatMap((name) => [...withDependencies(name)]));
  const loaded = await packagesLoadedBy('src/a2a/index.ts');
  expect(loaded.filter((name) => !allowed.has(name))).toEqual([]);
  expect(loaded).toContain('@a2a-js/sdk');
});

test('the daemon loads the A2A SDK only where it asks agents', async () => {
  const asking = `
    const { agentProbe } = await import('${pathToFileURL(path.join(root, 'src/compose/agent-probe.ts')).href}');
    const { loadConfig } = await import('${pathToFileURL(path.join(root, 'src/config/load.ts')).href}');
    await agentProbe(loadConfig(ENV));`;
  const withEnv = (env: object) => asking.replace('ENV', JSON.stringify(env));
  const module = 'src/compose/daemon-services.ts';
  expect(await packagesLoadedBy(module, withEnv({}))).not.toContain('@a2a-js/sdk');
  const env = { A2A_PROBE: 'true', A2A_PROBE_ALLOW: 'agents.example.com' };
  const loaded = await packagesLoadedBy(module, withEnv(env));
  expect(loaded).toContain('@a2a-js/sdk');
  expect(loaded).not.toContain('@grpc/grpc-js');
});

test('a package that is loaded later is detected: the readable form of a log line loads pino-pretty', async () => {
  const pretty = pathToFileURL(path.join(root, 'src/log/pretty.ts')).href;
  expect(await packagesLoadedBy('src/log/logger.ts')).not.toContain('pino-pretty');
  expect(await packagesLoadedBy('src/log/logger.ts', `await import('${pretty}');`)).toContain('pino-pretty');
});
