import { mkdir, readdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { attempt, Background, type CommandResult, run } from '../verify/command.ts';

/** Runs `npm pack`; returns the tarball's path. */
export async function pack(root: string, into: string): Promise<string> {
  const stdout = await run('npm', ['pack', '--silent', '--pack-destination', into], { cwd: root });
  return path.join(into, stdout.trim().split('\n').at(-1)!);
}

export interface Figures {
  readonly name: string;
  readonly packages: number;
  /** Disk space of everything that the install brought. */
  readonly megabytes: number;
  /** CPU time, which is steadier than the clock on a busy machine; the best of five processes. */
  readonly importMs: number;
  /** Resident memory that the import adds. */
  readonly importMegabytes: number;
}

const IMPORTS = 5;

/** An outside project, with packages installed from the registry or from a tarball. */
export class Consumer {
  readonly dir: string;

  private constructor(dir: string) {
    this.dir = dir;
  }

  static async create(dir: string, packages: readonly string[]): Promise<Consumer> {
    await mkdir(dir, { recursive: true });
    await writeFile(
      path.join(dir, 'package.json'),
      JSON.stringify({ name: 'consumer', type: 'module', private: true }),
    );
    await run('npm', ['install', '--no-audit', '--no-fund', '--loglevel=error', ...packages], { cwd: dir });
    return new Consumer(dir);
  }

  /** Names of everything installed, at any depth. */
  async packages(): Promise<string[]> {
    const entries = await readdir(path.join(this.dir, 'node_modules'), { recursive: true });
    const names = entries
      .filter((entry) => entry.endsWith('package.json'))
      .map((entry) => path.dirname(entry).split('node_modules/').at(-1)!)
      .filter((name) => /^(@[^/]+\/)?[^/@.][^/]*$/.test(name));
    return [...new Set(names)];
  }

  async copiesOf(name: string): Promise<number> {
    const entries = await readdir(path.join(this.dir, 'node_modules'), { recursive: true });
    return entries.filter((entry) => `/${entry}`.endsWith(`/${name}/package.json`)).length;
  }

  /** Type checks with the project's own TypeScript, from a copy that has it next to the installed packages. */
  async typecheck(source: string, { module, resolution }: { module: string; resolution: string }): Promise<void> {
    await run(
      'npm',
      ['install', '--no-audit', '--no-fund', '--loglevel=error', 'typescript@7.0.2', '@types/node@26.6.6'],
      {
        cwd: this.dir,
      },
    );
    await writeFile(path.join(this.dir, 'agent.ts'), source);
    const compilerOptions = {
      target: 'es2024',
      lib: ['es2024', 'esnext.disposable'],
      module,
      moduleResolution: resolution,
      strict: true,
      exactOptionalPropertyTypes: true,
      skipLibCheck: false,
      noEmit: true,
      types: ['node'],
    };
    await writeFile(path.join(this.dir, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['agent.ts'] }));
    await run(process.execPath, ['node_modules/typescript/bin/tsc', '-p', '.'], { cwd: this.dir });
  }

  cli(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<CommandResult> {
    return attempt(process.execPath, [this.#main, ...args], { cwd: this.dir, env: environment(env) });
  }

  start(env: NodeJS.ProcessEnv): Background {
    return new Background(process.execPath, [this.#main, 'start'], {
      cwd: this.dir,
      env: environment({ ...env, OPS_PORT: '0' }),
    });
  }

  /** The folder from which npx runs it. */
  get #main(): string {
    return path.join(this.dir, 'node_modules/.bin/delegation-sweeper');
  }

  async write(file: string, text: string): Promise<void> {
    await writeFile(path.join(this.dir, file), text);
  }

  /** With the Node that this project has installed. */
  async runExample(source: string, env: NodeJS.ProcessEnv): Promise<CommandResult & { readonly node: string }> {
    await writeFile(path.join(this.dir, 'agent.ts'), source);
    const node = path.join(this.dir, 'node_modules/.bin/node');
    const version = await run(node, ['--version']);
    return { ...(await attempt(node, ['agent.ts'], { cwd: this.dir, env: environment(env) })), node: version.trim() };
  }

  async figures(name: string): Promise<Figures> {
    const kilobytes = await run('du', ['-sk', path.join(this.dir, 'node_modules')]);
    const script = `const before = process.memoryUsage().rss; const from = process.cpuUsage(); await import('${name}');
      const { user, system } = process.cpuUsage(from); console.log((user + system) / 1000, process.memoryUsage().rss - before)`;
    const times: number[][] = [];
    for (let i = 0; i < IMPORTS; i += 1) {
      const stdout = await run(process.execPath, ['--input-type=module', '-e', script], { cwd: this.dir });
      times.push(stdout.trim().split(' ').map(Number));
    }
    const [importMs, bytes] = times.sort((a, b) => a[0]! - b[0]!)[0]!;
    return {
      name,
      packages: (await this.packages()).length,
      megabytes: Math.round(Number.parseInt(kilobytes, 10) / 102.4) / 10,
      importMs: Math.round(importMs!),
      importMegabytes: Math.round(bytes! / 104_857.6) / 10,
    };
  }
}

/** Without the checkout's own configuration. */
function environment(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const { PATH, HOME } = process.env;
  return { PATH, HOME, ...env };
}
