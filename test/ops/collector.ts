import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Collector extends AsyncDisposable {
  readonly endpoint: string;
  /** What was received, by path: each request as bytes; otlp.ts reads them. */
  readonly received: Map<string, Buffer[]>;
}

/** Receives OTLP over HTTP. */
export async function startCollector(): Promise<Collector> {
  const received = new Map<string, Buffer[]>();
  const server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => {
      const path = request.url ?? '';
      received.set(path, [...(received.get(path) ?? []), Buffer.concat(parts)]);
      response.writeHead(200, { 'content-type': 'application/x-protobuf' }).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    received,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
