import { createRequire } from 'node:module';
import { importBy } from './module-cache.ts';
import { WorkerRegistry } from './worker-registry.ts';

/** As CommonJS, which its types describe. */
const { default: Runtime } = createRequire(import.meta.url)('jest-runtime') as typeof import('jest-runtime');

/** What Jest keeps of the modules that a test file has loaded; its types call it private. */
interface Internals {
  readonly registries: { esModuleRegistry: Map<string, unknown>; moduleRegistry: Map<string, unknown> };
  readonly esmLoader: { readonly dynamicImport: (...args: unknown[]) => Promise<unknown> };
  readonly testState: { state: unknown };
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
    // What it has loaded is still used. So Jest does not notice what a test imports after its end.
    testState.state = state;
  }
}
