import { createRequire } from 'node:module';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { importBy } from './module-cache.ts';

/** As CommonJS, which its types describe. */
const { default: Runtime } = createRequire(import.meta.url)('jest-runtime') as typeof import('jest-runtime');

/** What Jest keeps of the modules that a test file has loaded; its types call it private. */
interface Internals {
  readonly registries: { esModuleRegistry: Map<string, unknown>; moduleRegistry: Map<string, unknown> };
  readonly esmLoader: { readonly dynamicImport: (...args: unknown[]) => Promise<unknown> };
  readonly testState: { state: unknown };
}

const tests = path.resolve(import.meta.dirname, '..');
/** Of the tests' own modules those that change a package's class, once. */
const CHANGING = ['held-sessions', 'prepared-statements'].map((name) => path.join(tests, `support/${name}.ts`));

/** Jest's keys are paths, URLs of files, and names of its own. */
function isShared(key: string): boolean {
  if (key.startsWith('@jest/globals')) return false;
  const inTests = [`${tests}/`, `${pathToFileURL(tests).href}/`].some((place) => key.startsWith(place));
  return !inTests || CHANGING.some((file) => key === file || key === pathToFileURL(file).href);
}

/** The modules of one test file, and those that all files of this worker share. */
class WorkerRegistry extends Map<string, unknown> {
  readonly #shared: Map<string, unknown>;

  constructor(shared: Map<string, unknown>) {
    super();
    this.#shared = shared;
  }

  override get(key: string): unknown {
    return isShared(key) ? this.#shared.get(key) : super.get(key);
  }

  override has(key: string): boolean {
    return isShared(key) ? this.#shared.has(key) : super.has(key);
  }

  override set(key: string, module: unknown): this {
    if (isShared(key)) this.#shared.set(key, module);
    else super.set(key, module);
    return this;
  }

  override delete(key: string): boolean {
    return isShared(key) ? this.#shared.delete(key) : super.delete(key);
  }
}

const [esm, commonJs] = [new Map<string, unknown>(), new Map<string, unknown>()];

/**
 * Jest's runtime, which loads the program and its packages once for all test files of a worker, not once for each: to load
 * them took longer than most files' tests. The tests' own modules are loaded anew for each file, whose hooks they set. For this
 * all files of a worker have one global object (test-environment.ts).
 */
export default class SharedRuntime extends Runtime {
  constructor(...options: ConstructorParameters<typeof Runtime>) {
    super(...options);
    const { registries, esmLoader } = this as unknown as Internals;
    registries.esModuleRegistry = new WorkerRegistry(esm);
    registries.moduleRegistry = new WorkerRegistry(commonJs);
    // A module that was loaded for an earlier file goes on importing.
    importBy((...args) => esmLoader.dynamicImport(...args));
  }

  override teardown(): void {
    const { testState } = this as unknown as Internals;
    const { state } = testState;
    super.teardown();
    // What it has loaded is still used.
    testState.state = state;
  }
}
