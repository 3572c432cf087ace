import { request } from 'node:http';

export interface HttpAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

/** One request on a new connection. */
export function ask(port: number, path: string, method = 'GET'): Promise<HttpAnswer> {
  const { promise, resolve, reject } = Promise.withResolvers<HttpAnswer>();
  const sent = request({ host: '127.0.0.1', port, path, method, agent: false }, (response) => {
    let body = '';
    response.setEncoding('utf8');
    response.on('data', (part: string) => {
      body += part;
    });
    response.once('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body }));
  });
  sent.once('error', reject).end();
  return promise;
}
