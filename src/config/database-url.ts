import { readFileSync } from 'node:fs';
import { textValue } from './value.ts';

const accepted = 'postgresql://user:password@host:port/database, special characters percent-encoded';

export const databaseUrl = textValue(accepted, refusalOfUrl);

/** The URL is read again at each new connection, so that a rotated password needs no restart; here it is only tried. */
export const databaseUrlFile = textValue(`the path of a readable file that holds ${accepted}`, (path) => {
  let content: string;
  try {
    content = readFileSync(path, 'utf8').trim();
  } catch (err) {
    return `cannot be read: ${(err as NodeJS.ErrnoException).code ?? 'not a path'}`;
  }
  const reason = refusalOfUrl(content);
  if (reason === null) return null;
  return reason === '' ? 'its content is not such a URL' : `its content: ${reason}`;
});

function refusalOfUrl(text: string): string | null {
  if (!/^postgres(ql)?:\/\//.test(text)) return '';
  // URL would strip it at the ends, node-postgres would encode it: nobody means it.
  if (/\s/.test(text)) return 'holds white space';
  const url = parse(text);
  if (url === null) return '';
  // What an unencoded # or / in a password looks like once parsed.
  if (url.hash !== '' || url.pathname.includes('@'))
    return 'a #, / or ? of the user or password must be percent-encoded';
  if (!isDecodable(url.username) || !isDecodable(url.password))
    return 'a % of the user or password must be written %25';
  if (url.hostname.includes(',')) return 'names several hosts, the driver knows one';
  // node-postgres takes it under both names.
  const modes = [...url.searchParams.getAll('sslmode'), ...url.searchParams.getAll('ssl')];
  if (modes.includes('no-verify')) {
    return 'no-verify would accept any certificate, and so any server: name the CA with sslrootcert=, or use sslmode=disable on a trusted network';
  }
  return null;
}

/**
 * A URL that may be shown. Where it cannot be told which part is the password (it does not parse, or an @ or a # stands
 * outside the authority), nothing of it may.
 */
export function redactUrl(text: string): string {
  const url = /^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? parse(text) : null;
  if (url === null || /[@#]/.test(url.pathname + url.search + url.hash)) return '***';
  if (url.password !== '') url.password = '***';
  for (const name of new Set(url.searchParams.keys())) {
    if (/pass|pwd|secret|token/i.test(name)) url.searchParams.set(name, '***');
  }
  return url.href;
}

function parse(text: string): URL | null {
  // As node-postgres does: user@/database stands for the default host, which URL does not take.
  return URL.parse(text) ?? URL.parse(text.replace('@/', '@localhost/'));
}

function isDecodable(text: string): boolean {
  try {
    decodeURIComponent(text);
    return true;
  } catch {
    return false;
  }
}
