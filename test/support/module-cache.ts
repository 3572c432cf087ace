import vm from 'node:vm';

/** Documented by Node, and missing in its types. */
interface Cacheable {
  createCachedData(): Buffer;
}

/** By source: what V8 made of it the first time. */
const compiled = new Map<string, Buffer>();

type DynamicImport = (...args: unknown[]) => Promise<unknown>;

let importNow: DynamicImport | undefined;

/** Who imports, from here on, what a module imports while it runs: the loader of the test file that runs. */
export function importBy(dynamicImport: DynamicImport): void {
  importNow = dynamicImport;
}

/**
 * Jest compiles its own modules and the tests' anew for every test file. From here on a worker compiles each once, and takes for the
 * next files what V8 kept of it.
 */
export function keepCompiledModules(): void {
  const { SourceTextModule, compileFunction } = vm;
  const compileModule = (code: string, options: vm.SourceTextModuleOptions) => {
    const cachedData = compiled.get(code);
    if (cachedData !== undefined) {
      try {
        return new SourceTextModule(code, { ...options, cachedData });
      } catch (err) {
        // V8 takes none that was made under other flags, and there is one that it sets by itself.
        if ((err as NodeJS.ErrnoException).code !== 'ERR_VM_MODULE_CACHED_DATA_REJECTED') throw err;
      }
    }
    const module = new SourceTextModule(code, options);
    compiled.set(code, (module as unknown as Cacheable).createCachedData());
    return module;
  };
  vm.SourceTextModule = new Proxy(SourceTextModule, {
    construct: (_, [code, options = {}]) => {
      const { importModuleDynamically: own } = options;
      const importModuleDynamically: DynamicImport = (...args) => (importNow ?? own)(...args);
      return compileModule(code, own ? { ...options, importModuleDynamically } : options);
    },
  });
  vm.compileFunction = (code, parameters, options = {}) => {
    const cachedData = compiled.get(code);
    const known = cachedData === undefined ? { produceCachedData: true } : { cachedData };
    const made: CompiledFunction = compileFunction(code, parameters, { ...options, ...known });
    if (made.cachedData !== undefined) compiled.set(code, made.cachedData);
    else if (made.cachedDataRejected) compiled.delete(code);
    return made;
  };
}

/** What Node adds to it, which its types miss in part. */
type CompiledFunction = ReturnType<typeof vm.compileFunction> & { readonly cachedDataRejected?: boolean };
