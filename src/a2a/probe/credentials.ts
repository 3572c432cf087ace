import { readFile } from 'node:fs/promises';
import { validateHeaderName, validateHeaderValue } from 'node:http';
import path from 'node:path';
import { bareHostOf, portOf } from '../../net/url-host.ts';
import { ProbeFailure } from './probe-failure.ts';

const BYTES_MAX = 16_384;

/**
 * Headers by host, from a folder with one file for each: `host_port`, or `host` for https on its port 443, a colon of an
 * IPv6 address as `_` as well. Each line is a header: `Authorization: Bearer ...`. Read for each request, so that a mounted
 * secret may rotate. The ledger's writers choose the port and the protocol of an agent, so others have to be named.
 */
export class Credentials {
  readonly #directory: string | null;

  constructor(directory: string | null) {
    this.#directory = directory;
  }

  /** @throws ProbeFailure, which says nothing of the content. */
  async for(url: URL): Promise<Record<string, string>> {
    if (this.#directory === null) return {};
    const host = bareHostOf(url).replaceAll(':', '_');
    const actual = portOf(url);
    const isDefault = url.protocol === 'https:' && actual === '443';
    for (const name of [`${host}_${actual}`, ...(isDefault ? [host] : [])]) {
      const content = await read(path.join(this.#directory, name));
      if (content !== null) return headersOf(content);
    }
    return {};
  }
}

async function read(file: string): Promise<string | null> {
  try {
    return await readFile(file, 'utf8');
  } catch (err) {
    if ((err as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw unreadable();
  }
}

function headersOf(content: string): Record<string, string> {
  if (content.length > BYTES_MAX) throw unreadable();
  const lines = content.split('\n').map((line) => line.trim());
  return Object.fromEntries(lines.filter((line) => line !== '').map(headerOf));
}

function headerOf(line: string): [string, string] {
  const [, name = '', text = ''] = /^([^:]+):\s*(.+)$/.exec(line) ?? [];
  try {
    validateHeaderName(name);
    validateHeaderValue(name, text);
  } catch {
    throw unreadable();
  }
  return [name.toLowerCase(), text];
}

function unreadable(): ProbeFailure {
  return new ProbeFailure('not_asked', 'credentials');
}
