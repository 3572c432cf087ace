/** Preloaded into an example: the package's names are its sources, so that it runs without a build. */
import { registerHooks } from 'node:module';

const sources: Readonly<Record<string, URL>> = {
  'delegation-sweeper': new URL('../../src/index.ts', import.meta.url),
  'delegation-sweeper/a2a': new URL('../../src/a2a/index.ts', import.meta.url),
};

registerHooks({
  resolve: (specifier, context, next) => next(sources[specifier]?.href ?? specifier, context),
});
