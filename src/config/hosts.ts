import { accessSync, constants, statSync } from 'node:fs';
import { textValue, type Value, value } from './value.ts';

const PORT_MAX = 65_535;

/**
 * Hosts with a comma between them, each `host`, `host:port` or `*.suffix`. A host without a port stands for all of its
 * ports; a suffix for every name below it, and not for itself. They are kept as URL writes hosts.
 */
export const hostList: Value<readonly string[]> = value(
  'hosts with a comma between them, each a host (any port), host:port or *.suffix; an IPv6 address in brackets',
  (text) => {
    const wrong = entriesOf(text).find((entry) => normalised(entry) === null);
    return wrong === undefined ? null : `${JSON.stringify(wrong)} is none`;
  },
  (text) => entriesOf(text).map((entry) => normalised(entry)!),
);

function entriesOf(text: string): string[] {
  return text.split(',').map((entry) => entry.trim());
}

function normalised(entry: string): string | null {
  const [, wildcard = '', name = '', port] = /^(\*\.)?([^*]*?)(?::(\d{1,5}))?$/.exec(entry) ?? [];
  if (!/^(?:[\p{L}\p{N}._-]+|\[[\da-f:.]+\])$/iu.test(name) || name.startsWith('.')) return null;
  if (port !== undefined && (Number(port) < 1 || Number(port) > PORT_MAX)) return null;
  const host = URL.parse(`http://${name}`)?.hostname;
  if (!host) return null;
  const isAddress = host.startsWith('[') || /^[\d.]+$/.test(host);
  if (wildcard !== '' && isAddress) return null;
  return `${wildcard}${host}${port === undefined ? '' : `:${Number(port)}`}`;
}

export const readableDirectory = textValue('the path of a directory that can be read', (path) => {
  try {
    if (!statSync(path).isDirectory()) return 'is not a directory';
    accessSync(path, constants.R_OK | constants.X_OK);
    return null;
  } catch (err) {
    return `cannot be read: ${(err as NodeJS.ErrnoException).code}`;
  }
});
