import path from 'node:path';

const root = path.resolve(import.meta.dirname, '../..');

/**
 * What tests start as processes, or load into one, by its source, and where it is in the build. The demo's agents are next to the chunks, as
 * they are next to the modules that start them.
 */
export const PROGRAMS: Readonly<Record<string, string>> = {
  'src/main.ts': 'src/main',
  'src/demo/agent.ts': 'src/bundle/agent',
  'src/demo/a2a/server.ts': 'src/bundle/server',
  'src/demo/a2a/caller.ts': 'src/bundle/caller',
  ...Object.fromEntries(
    [
      'chaos/a2a-agent',
      'chaos/a2a-caller',
      'chaos/agent',
      'chaos/daemon',
      'faults/sweep-many',
      'soak/memory-reading',
      'support/a2a/agent',
      'support/command-process',
      'support/die-with-parent',
    ].map((name) => [`test/${name}.ts`, `test/${name}`]),
  ),
};

/** The built form of a program, and where Node keeps what it compiled of it; undefined when there is none. */
export function builtProgram(source: string): { readonly file: string; readonly compileCache: string } | undefined {
  const { TEST_PROGRAMS: folder } = process.env;
  const name = PROGRAMS[path.relative(root, source)];
  if (folder === undefined || name === undefined) return undefined;
  return { file: path.join(folder, `${name}.js`), compileCache: path.join(folder, 'compiled') };
}
