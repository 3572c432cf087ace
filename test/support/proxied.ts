import type { TcpProxy } from '../chaos/tcp-proxy.ts';

/** The server's unix socket, as `host` in the URL names it. */
export function socketOf(databaseUrl: string): string {
  const { searchParams, port } = new URL(databaseUrl);
  return `${searchParams.get('host')}/.s.PGSQL.${port}`;
}

/** The same database, through the proxy. */
export function proxied(databaseUrl: string, proxy: TcpProxy): string {
  const url = new URL(databaseUrl);
  url.searchParams.delete('host');
  url.hostname = '127.0.0.1';
  url.port = String(proxy.port);
  return url.href;
}
