import { createServer } from 'node:net';

export interface TlsRefusingServer extends AsyncDisposable {
  /** With sslmode=require. */
  readonly url: string;
}

/** Asked for TLS, it answers `N` (it has none), or `S` followed by an invalid handshake. */
export async function startTlsRefusingServer(answer: 'none' | 'broken'): Promise<TlsRefusingServer> {
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.once('data', () => {
      if (answer === 'none') socket.end('N');
      else socket.write('S', () => socket.once('data', () => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  return {
    url: `postgresql://sweeper:hush@127.0.0.1:${port}/ledger?sslmode=verify-full`,
    [Symbol.asyncDispose]: () => new Promise((resolve) => server.close(() => resolve())),
  };
}
