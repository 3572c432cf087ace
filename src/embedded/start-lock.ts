import { createHash } from 'node:crypto';
import { createServer } from 'node:net';
import { poll } from './poll.ts';

/**
 * Keeps every other start in this folder waiting. An abstract socket: the kernel allows one holder of a name and frees
 * it however its process ends, so a lock never remains. Undefined when it was not free within `timeoutMs`.
 */
export async function lockStart(folder: string, timeoutMs: number): Promise<AsyncDisposable | undefined> {
  const name = `\0delegation-sweeper/${createHash('sha256').update(folder).digest('hex')}`;
  return poll(timeoutMs, () => tryLock(name));
}

function tryLock(name: string): Promise<AsyncDisposable | undefined> {
  return new Promise((resolve, reject) => {
    const server = createServer((connection) => connection.destroy());
    server.once('error', (err: NodeJS.ErrnoException) => {
      if (err.code === 'EADDRINUSE') resolve(undefined);
      else reject(err);
    });
    server.listen(name, () => {
      server.unref();
      resolve({ [Symbol.asyncDispose]: () => new Promise<void>((closed) => server.close(() => closed())) });
    });
  });
}
