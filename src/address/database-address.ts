import { AddressError } from './address-error.ts';
import { knownParameters, refusalOfParameters } from './parameters.ts';
import { type Tls, tlsOf } from './tls.ts';

export interface Host {
  /** A name, an address, or the folder of a unix socket; '' is the driver's default. */
  readonly host: string;
  /** Undefined: the driver's default, 5432. */
  readonly port: number | undefined;
}

/** Which server the ledger may use: any, one that accepts writes, or one that is not a standby. */
export type TargetSession = 'any' | 'read-write' | 'primary';

/** A parsed connection URL. Empty parts are undefined: the driver then uses its defaults and PG* variables. */
export interface DatabaseAddress {
  /** Tried in this order; at least one. */
  readonly hosts: readonly Host[];
  readonly target: TargetSession;
  readonly user: string | undefined;
  readonly password: string | undefined;
  readonly database: string | undefined;
  /** Undefined: the URL does not say, and the driver uses PGSSLMODE. */
  readonly tls: Tls | 'off' | undefined;
  /** Parameters that the driver takes by the same name. */
  readonly parameters: Readonly<Record<string, string>>;
}

/** What a connection URL looks like, for messages. */
export const acceptedUrl =
  'postgresql://user:password@host:port/database, special characters percent-encoded; several hosts as host1:port1,host2:port2';

const form = /^postgres(?:ql)?:\/\/(?:([^/?#]*)@)?([^/?#@]*)(?:\/([^?#]*))?(?:\?([^#]*))?(#.*)?$/s;
const encodeIt = 'a #, /, @ or ? of the user or password must be percent-encoded';
const PORT_MAX = 65_535;

/**
 * Parses a URL as libpq does, several hosts included. The driver's own parser is not used: it knows only one host, and
 * ignores a misspelt parameter.
 * @throws AddressError
 */
export function parseAddress(text: string): DatabaseAddress {
  if (!/^postgres(ql)?:\/\//.test(text)) throw new AddressError('does not begin with postgresql:// or postgres://');
  // Never intended, and drivers differ in how they treat it.
  if (/\s/.test(text)) throw new AddressError('holds white space');
  const [match, userinfo = '', authority = '', path = '', query = '', hash] = form.exec(text) ?? [];
  if (match === undefined || hash !== undefined || path.includes('@')) throw new AddressError(encodeIt);
  // An unencoded ? in the password: what follows it looks like parameters.
  if (query.includes('@') && !text.slice(0, text.indexOf('?')).includes('@')) throw new AddressError(encodeIt);
  const parameters = parametersOf(query);
  const hosts = hostsOf(authority, parameters);
  const tls = tlsOf(parameters);
  if (parameters.channel_binding === 'require' && typeof tls !== 'object') {
    throw new AddressError('channel_binding=require needs TLS: add sslmode=verify-full');
  }
  const [user = '', ...password] = userinfo.split(':');
  const credentials = 'a % of the user or password must be written %25';
  return {
    hosts,
    target: targetOf(parameters.target_session_attrs, hosts),
    user: parameters.user || decoded(user, credentials) || undefined,
    password: parameters.password || decoded(password.join(':'), credentials) || undefined,
    database: decoded(path, 'a % of the database must be written %25') || parameters.dbname || undefined,
    tls,
    parameters: forDriver(parameters),
  };
}

type Parameters = Readonly<Partial<Record<string, string>>>;

function parametersOf(query: string): Parameters {
  const parameters: Record<string, string> = Object.create(null);
  for (const [name, value] of new URLSearchParams(query)) {
    const refusal = refusalOfParameters(name, value, Object.hasOwn(parameters, name));
    if (refusal !== null) throw new AddressError(refusal);
    parameters[name] = value;
  }
  return parameters;
}

function forDriver(parameters: Parameters): Record<string, string> {
  const names = Object.keys(parameters).filter((name) => knownParameters.get(name) === 'driver');
  return Object.fromEntries(names.map((name) => [name, parameters[name]!]));
}

/** From `?host=a,b&port=1,2`, or else from the authority. */
function hostsOf(authority: string, parameters: Parameters): readonly Host[] {
  const inAuthority = authority.split(',').map(hostAndPort);
  const names = parameters.host?.split(',').map(bare) ?? inAuthority.map(({ host }) => host);
  const ports = parameters.port?.split(',').map(portOf) ?? inAuthority.map(({ port }) => port);
  if (names.length > 1 && names.includes('')) throw new AddressError('one of several hosts is empty');
  if (ports.length !== 1 && ports.length !== names.length) {
    throw new AddressError(
      `has ${names.length} hosts and ${ports.length} ports; accepted: one port, or one for each host`,
    );
  }
  return names.map((host, index) => ({ host, port: ports.length === 1 ? ports[0] : ports[index] }));
}

function hostAndPort(text: string): Host {
  const match = /^(\[[0-9a-fA-F:.]+\]|[^:[\]]*)(?::([^:]*))?$/.exec(text);
  if (!match) throw new AddressError('a host is not a name or an address (an IPv6 address stands in square brackets)');
  const [, host = '', port = ''] = match;
  return { host: bare(decoded(host, 'a % of the host must be written %25')), port: portOf(port) };
}

function bare(host: string): string {
  return host.replace(/^\[(.+)\]$/, '$1');
}

/** The text is never shown: in a URL without an @ it may be the password. */
function portOf(text: string): number | undefined {
  if (text === '') return undefined;
  const port = Number(text);
  if (!/^\d+$/.test(text) || port < 1 || port > PORT_MAX)
    throw new AddressError(`a port is not a number from 1 to ${PORT_MAX}`);
  return port;
}

/** With several hosts a standby among them is to be expected, and the ledger writes. */
function targetOf(text: string | undefined, hosts: readonly Host[]): TargetSession {
  if (text === undefined) return hosts.length > 1 ? 'read-write' : 'any';
  if (text === 'any' || text === 'read-write' || text === 'primary') return text;
  const why = ['read-only', 'standby', 'prefer-standby'].includes(text)
    ? 'asks for a server that accepts no writes'
    : 'is unknown';
  throw new AddressError(
    `target_session_attrs=${shownValue(text)} ${why}, and the ledger writes; accepted: any, read-write, primary`,
  );
}

function decoded(text: string, refusal: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new AddressError(refusal);
  }
}

/** Only what looks like a keyword. */
function shownValue(text: string): string {
  return /^[a-z-]{1,32}$/.test(text) ? text : '...';
}
