import { fileURLToPath, pathToFileURL } from 'node:url';
import type { EventName } from '../../src/log/catalogue.ts';
import { builtProgram } from './built-program.ts';
import { catalogued, type Line, type LineOf } from './catalogued.ts';
import type { TestChild } from './child.ts';
import { type Env, startProgram } from './program.ts';
import { waitFor } from './wait-for.ts';

export interface TestDaemon extends AsyncDisposable {
  readonly child: TestChild;
  /** Its lines of one event so far; every line of its log is checked against the catalogue. */
  events<E extends EventName>(event: E): LineOf<E>[];
  /** Its first line of the event that satisfies. Fails when the daemon ends without it. */
  until<E extends EventName>(
    event: E,
    satisfies?: (line: LineOf<E>) => boolean,
    options?: { timeoutMs?: number },
  ): Promise<LineOf<E>>;
}

/** Without WebAssembly Node reads no TypeScript. */
function built(source: URL): URL {
  const program = builtProgram(fileURLToPath(source));
  return program === undefined ? source : pathToFileURL(program.file);
}

export interface NodeStart {
  /** Modules that are loaded first. */
  readonly preloads?: readonly URL[];
  /** Those that NODE_OPTIONS may have. */
  readonly flags?: readonly string[];
}

/** The daemon as a separate process on this database. */
export function startDaemon(
  databaseUrl: string,
  env: Env = {},
  { preloads = [], flags = [] }: NodeStart = {},
): TestDaemon {
  const imports = [new URL('./die-with-parent.ts', import.meta.url), ...preloads];
  const child = startProgram(['start'], {
    DATABASE_URL: databaseUrl,
    OPS_PORT: '0',
    STORM_RATIO: '0',
    NODE_OPTIONS: [...flags, ...imports.map((url) => `--import=${built(url).href}`)].join(' '),
    ...env,
  });
  let ended = false;
  void child.exit.then(() => {
    ended = true;
  });
  const lines: Line[] = [];
  const events = <E extends EventName>(event: E) => {
    lines.push(...child.stdoutLines.slice(lines.length).map(catalogued));
    return lines.filter((line): line is LineOf<E> => line.event === event);
  };
  return {
    child,
    events,
    async until<E extends EventName>(event: E, satisfies: (line: LineOf<E>) => boolean = () => true, options = {}) {
      const found = () => events(event).find(satisfies);
      await waitFor(`${event} of daemon ${child.pid}`, () => ended || found() !== undefined, options).catch((err) => {
        throw new Error(`${err.message}; its log ends so:\n${child.stdoutLines.slice(-50).join('\n')}`);
      });
      const line = found();
      if (line) return line;
      throw new Error(`ended without ${event}:\n${[...child.stdoutLines, ...child.stderrLines].join('\n')}`);
    },
    [Symbol.asyncDispose]: () => child[Symbol.asyncDispose](),
  };
}
