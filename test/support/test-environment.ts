import vm from 'node:vm';
import { TestEnvironment } from 'jest-environment-node';
import { COMMAND_RUNNER, CommandRunner, type WithCommandRunner } from './command-runner.ts';
import { KEPT, type Kept, type WithKept } from './kept-databases.ts';
import { keepCompiledModules } from './module-cache.ts';

keepCompiledModules();

const runner = new CommandRunner();
/** For all test files of this worker, by template. */
const kept = new Map<string, Kept>();

/**
 * Jest's environment for Node, with an ordinary global object. Jest makes the global of each file's context out of a proxy,
 * so that every use of `Math`, `Map`, `Promise` and the like is a call of an interceptor: the same code took up to twice
 * the CPU time that it takes in the program.
 */
class PlainGlobalEnvironment extends TestEnvironment {
  readonly #own: ReadonlySet<PropertyKey>;
  readonly #exit: typeof process.exit;

  constructor(...options: ConstructorParameters<typeof TestEnvironment>) {
    const { createContext } = vm;
    vm.createContext = () => createContext(vm.constants.DONT_CONTEXTIFY);
    try {
      super(...options);
    } finally {
      vm.createContext = createContext;
    }
    (this.global as WithKept)[KEPT] = kept;
    (this.global as WithCommandRunner)[COMMAND_RUNNER] = runner;
    this.#own = new Set(Reflect.ownKeys(this.global));
    this.#exit = this.global.process.exit;
  }

  /** Before each file. */
  override async setup(): Promise<void> {
    await super.setup();
    // What the file before has left there, Jest's own state among it: its tests, who hears of them, its time limit and retries.
    for (const key of Reflect.ownKeys(this.global)) if (!this.#own.has(key)) Reflect.deleteProperty(this.global, key);
    const { env } = this.global.process;
    for (const name of Object.keys(env)) if (process.env[name] === undefined) delete env[name];
    Object.assign(env, process.env);
    // Jest looks each line of a stack up in source maps, and there are none: where errors are expected, that took a tenth
    // of a test's CPU time.
    Reflect.deleteProperty(Error, 'prepareStackTrace');
  }

  /** Without Jest's own, which empties the global object. */
  override async teardown(): Promise<void> {
    this.fakeTimersModern?.useRealTimers();
    // Jest puts another around it for each file.
    this.global.process.exit = this.#exit;
  }
}

let ofAll: PlainGlobalEnvironment | undefined;

/** One for all files of a worker, which share the program's modules (shared-runtime.ts). */
export default new Proxy(PlainGlobalEnvironment, {
  construct(Environment, options: ConstructorParameters<typeof TestEnvironment>) {
    ofAll ??= new Environment(...options);
    return ofAll;
  },
});
