import type { NetConnectOpts } from 'node:net';
import type { TcpProxy } from '../chaos/tcp-proxy.ts';

/** Where the server listens: on the unix socket in the folder that `host` in the URL's query names, or else by TCP. */
export function addressOf(databaseUrl: string): NetConnectOpts {
  const { searchParams, hostname, port } = new URL(databaseUrl);
  const folder = searchParams.get('host');
  return folder ? { path: `${folder}/.s.PGSQL.${port || 5432}` } : { host: hostname, port: Number(port || 5432) };
}

/** The same database, through the proxy. */
export function proxied(databaseUrl: string, proxy: TcpProxy): string {
  const url = new URL(databaseUrl);
  url.searchParams.delete('host');
  url.hostname = '127.0.0.1';
  url.port = String(proxy.port);
  return url.href;
}
