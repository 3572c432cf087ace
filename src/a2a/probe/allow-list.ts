import { portOf } from '../../net/url-host.ts';

interface Pattern {
  /** As URL writes it; a suffix with its leading dot. */
  readonly host: string;
  readonly isSuffix: boolean;
  /** Null: any. */
  readonly port: string | null;
}

/** The hosts that may be asked: each `host`, `host:port` or `*.suffix`, as the configuration has read them. */
export class AllowList {
  readonly #patterns: readonly Pattern[];

  constructor(hosts: readonly string[]) {
    this.#patterns = hosts.map(patternOf);
  }

  allows(url: URL): boolean {
    const host = url.hostname.replace(/\.$/, '');
    const actual = portOf(url);
    return this.#patterns.some(
      (pattern) =>
        (pattern.isSuffix ? host.endsWith(pattern.host) && host.length > pattern.host.length : host === pattern.host) &&
        (pattern.port === null || pattern.port === actual),
    );
  }
}

function patternOf(text: string): Pattern {
  const [, wildcard, host = '', port = null] = /^(\*)?(.*?)(?::(\d+))?$/.exec(text) ?? [];
  return { host: host.replace(/\.$/, ''), isSuffix: wildcard !== undefined, port };
}
