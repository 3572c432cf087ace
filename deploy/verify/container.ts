import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { waitFor } from '../../test/support/wait-for.ts';
import { Background, run, tail } from './command.ts';
import { freePort } from './free-port.ts';
import { IMAGE, type ImageStore } from './image-build.ts';
import { pathOf } from './packages.ts';

/** As close to the manifests as podman allows: no privilege, a read-only root, the same limits. */
const hardening = [
  ...['--network', 'host', '--read-only', '--cap-drop=ALL', '--security-opt=no-new-privileges', '--user', '1000:1000'],
  ...['--memory', '384m', '--ulimit', 'nofile=20000:20000', '--ulimit', 'nproc=4096:4096'],
];

export const SECRET_FOLDER = '/etc/delegation-sweeper/database';

export interface ContainerOptions {
  /** The folder that replaces the mounted secret. */
  readonly secret?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly args?: readonly string[];
  /** For podman. */
  readonly flags?: readonly string[];
}

export interface LogLine {
  readonly event: string;
  readonly [field: string]: unknown;
}

/** One container of the built image. */
export class Container implements AsyncDisposable {
  readonly name: string;
  readonly opsPort: number;
  readonly #podman: readonly string[];
  readonly #process: Background;

  private constructor(name: string, opsPort: number, podman: readonly string[], process: Background) {
    this.name = name;
    this.opsPort = opsPort;
    this.#podman = podman;
    this.#process = process;
  }

  static async start(
    store: ImageStore,
    { secret, env = {}, args = [], flags = [] }: ContainerOptions,
  ): Promise<Container> {
    const podman = [await pathOf('podman'), ...store.flags, '--runtime', 'runc', '--cgroup-manager', 'cgroupfs'];
    const opsPort = await freePort();
    const name = `verify-deploy-${randomUUID()}`;
    const variables = {
      OPS_PORT: String(opsPort),
      ...(secret && { DATABASE_URL_FILE: `${SECRET_FOLDER}/url` }),
      ...env,
    };
    const [program, ...before] = podman;
    const child = new Background(program!, [
      ...before,
      ...['run', '--rm', '--name', name, ...hardening, ...flags],
      ...(secret ? ['--volume', `${secret}:${SECRET_FOLDER}:ro`] : []),
      ...Object.entries(variables).flatMap(([variable, value]) => ['--env', `${variable}=${value}`]),
      ...[IMAGE, ...args],
    ]);
    return new Container(name, opsPort, podman, child);
  }

  get exit(): Promise<number> {
    return this.#process.exit;
  }

  get output(): string {
    return this.#process.lines.join('\n');
  }

  events(name?: RegExp): LogLine[] {
    const lines = this.#process.lines.filter((line) => line.startsWith('{')).map((line) => JSON.parse(line) as LogLine);
    return name ? lines.filter(({ event }) => name.test(event)) : lines;
  }

  async waitForEvent(
    name: RegExp,
    predicate: (line: LogLine) => boolean = () => true,
    timeoutMs = 60_000,
  ): Promise<LogLine> {
    return this.waitUntil(`${name}`, () => this.events(name).find(predicate), timeoutMs);
  }

  /** Fails at once when the container ends first. */
  async waitUntil<T>(what: string, condition: () => Promise<T> | T, timeoutMs = 60_000): Promise<NonNullable<T>> {
    const state = async () => {
      const found = await condition();
      if (!found && this.#process.ended) throw new Error(`the container ended before ${what}: ${tail(this.output)}`);
      return found;
    };
    try {
      return await waitFor(what, state, { timeoutMs });
    } catch (err) {
      throw new Error(`${(err as Error).message}; it said: ${tail(this.output)}`);
    }
  }

  /** The ops server's answer; status 0 while there is none. */
  async get(path: string): Promise<{ status: number; body: string }> {
    try {
      const response = await fetch(`http://127.0.0.1:${this.opsPort}${path}`, { signal: AbortSignal.timeout(10_000) });
      return { status: response.status, body: await response.text() };
    } catch {
      return { status: 0, body: '' };
    }
  }

  async waitForStatus(path: string, status: number): Promise<string> {
    let last = '';
    await this.waitUntil(`${path} to answer ${status}`, async () => {
      const answer = await this.get(path);
      last = answer.body;
      return answer.status === status;
    });
    return last;
  }

  async signal(name: string): Promise<void> {
    await this.#run('kill', '--signal', name, this.name);
  }

  /** The most memory that the process ever had resident, in MiB. */
  async peakMemoryMi(): Promise<number> {
    const pid = (await this.#run('inspect', '--format', '{{.State.Pid}}', this.name)).trim();
    const status = await readFile(`/proc/${pid}/status`, 'utf8');
    return Math.round(Number(/VmHWM:\s+(\d+) kB/.exec(status)![1]) / 1024);
  }

  async #run(...args: string[]): Promise<string> {
    const [program, ...before] = this.#podman;
    return run(program!, [...before, ...args]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.signal('KILL').catch(() => {});
    await this.exit.catch(() => {});
  }
}

/** A container that runs to its end. */
export async function runToEnd(
  store: ImageStore,
  options: ContainerOptions,
): Promise<{ code: number; output: string }> {
  await using container = await Container.start(store, options);
  const code = await container.exit;
  return { code, output: container.output };
}
