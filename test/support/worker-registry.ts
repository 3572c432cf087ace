import path from 'node:path';
import { pathToFileURL } from 'node:url';

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
export class WorkerRegistry extends Map<string, unknown> {
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
