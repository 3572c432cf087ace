import { readFileSync } from 'node:fs';
import { AddressError } from '../address/address-error.ts';
import { acceptedUrl, parseAddress } from '../address/database-address.ts';
import { knownParameters } from '../address/parameters.ts';
import { textValue } from './value.ts';

export const databaseUrl = textValue(acceptedUrl, refusalOfUrl);

/** The URL is read again at each new connection, so that a rotated password needs no restart; here it is only checked. */
export const databaseUrlFile = textValue(`the path of a readable file that holds ${acceptedUrl}`, (path) => {
  let content: string;
  try {
    content = readFileSync(path, 'utf8').trim();
  } catch (err) {
    return `cannot be read: ${(err as NodeJS.ErrnoException).code ?? 'not a path'}`;
  }
  const reason = refusalOfUrl(content);
  return reason && `its content: ${reason}`;
});

function refusalOfUrl(text: string): string | null {
  try {
    parseAddress(text);
    return null;
  } catch (err) {
    if (err instanceof AddressError) return err.message;
    throw err;
  }
}

/**
 * A URL that may be shown. Where it is unclear which part is the password (it does not parse, an @ or a # stands outside
 * the authority, or an unknown parameter stands beside the password), nothing of it is shown.
 */
export function redactUrl(text: string): string {
  const hosts = severalHosts.exec(text);
  const url = /^[a-z][a-z0-9+.-]*:\/\//i.test(text)
    ? parse(hosts ? text.replace(severalHosts, '$1several') : text)
    : null;
  if (url === null || /[@#]/.test(url.pathname + url.search + url.hash)) return '***';
  if (url.password !== '') url.password = '***';
  const names = [...new Set(url.searchParams.keys())];
  const secrets = names.filter((name) => /pass|pwd|secret|token/i.test(name));
  // After an unencoded & in the password the rest of it looks like another parameter.
  if (secrets.length > 0 && names.some((name) => !knownParameters.has(name) && !secrets.includes(name))) return '***';
  for (const name of secrets) url.searchParams.set(name, '***');
  return hosts ? url.href.replace(/(:\/\/(?:[^@/]*@)?)several/, (_, before: string) => before + hosts[2]) : url.href;
}

/** Host names and ports only: in a password a comma is followed by the @ that ends it. */
const host = String.raw`(?:[\w.-]+|\[[\w.:]+\])(?::\d+)?`;
const severalHosts = new RegExp(String.raw`^([a-z]+:\/\/(?:[^/?#]*@)?)(${host}(?:,${host})+)(?=[/?#]|$)`, 'i');

function parse(text: string): URL | null {
  // As node-postgres does: user@/database means the default host, which URL does not accept.
  return URL.parse(text) ?? URL.parse(text.replace('@/', '@localhost/'));
}
