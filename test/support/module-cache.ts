import vm from 'node:vm';

/** Documented by Node, and missing in its types. */
interface Cacheable {
  createCachedData(): Buffer;
}

/** By source: what V8 made of it the first time. */
const compiled = new Map<string, Buffer>();

/**
 * Jest compiles every module anew for every test file. From here on a worker compiles each once, and takes for the next
 * files what V8 kept of it.
 */
export function keepCompiledModules(): void {
  const { SourceTextModule } = vm;
  const compile = (code: string, options: vm.SourceTextModuleOptions) => {
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
  vm.SourceTextModule = new Proxy(SourceTextModule, { construct: (_, [code, options = {}]) => compile(code, options) });
}
