import type { RequestHandler } from 'express';

/** Answers with what the SDK's server would never write: each text is replaced, wherever it stands in an answer. */
export function mangling(texts: Readonly<Record<string, string>>): RequestHandler {
  const mangle = (chunk: unknown) => {
    if (typeof chunk !== 'string' && !Buffer.isBuffer(chunk)) return chunk;
    return Object.entries(texts).reduce((text, [from, to]) => text.replaceAll(from, to), String(chunk));
  };
  return (_, res, next) => {
    for (const method of ['write', 'end'] as const) {
      const original = res[method].bind(res) as (...args: unknown[]) => boolean;
      Object.assign(res, {
        [method](chunk: unknown, ...rest: unknown[]) {
          // The length that it announced may be another now.
          if (!res.headersSent) res.removeHeader('content-length');
          return original(mangle(chunk), ...rest);
        },
      });
    }
    next();
  };
}
