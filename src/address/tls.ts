import { AddressError } from './address-error.ts';

/** TLS with a verified certificate; no other kind is accepted. Paths of PEM files, read again at each connection. */
export interface Tls {
  /** Undefined: the authorities that Node trusts. */
  readonly caFile: string | undefined;
  readonly certFile: string | undefined;
  readonly keyFile: string | undefined;
  /** Whether the certificate must name the host, too. */
  readonly checksName: boolean;
}

const acceptedModes = 'sslmode=disable, require, verify-ca or verify-full';
const verifying =
  'require, verify-ca and verify-full all verify the certificate and the host name, so verify-full is the clearest';
const anyCertificate =
  'would accept any certificate, and so any server: name the CA with sslrootcert=, or use sslmode=disable on a trusted network';

/** What the URL's parameters say about TLS; undefined when they say nothing. @throws AddressError */
export function tlsOf(parameters: Readonly<Record<string, string | undefined>>): Tls | 'off' | undefined {
  const { sslmode, sslrootcert, sslcert, sslkey, sslnegotiation } = parameters;
  const compatible = isCompatible(parameters.uselibpqcompat);
  const flag = flagOf(parameters.ssl);
  assertMode(sslmode);
  if (sslmode !== undefined && flag !== undefined && (sslmode === 'disable') === flag) {
    throw new AddressError('ssl and sslmode contradict each other; use only sslmode');
  }
  const asked = sslmode !== undefined ? sslmode !== 'disable' : flag;
  const implied = sslrootcert || sslcert || sslkey || sslnegotiation === 'direct' ? true : undefined;
  if (asked === false && sslnegotiation === 'direct') throw new AddressError('sslnegotiation=direct needs TLS');
  if (asked === false) return 'off';
  if ((asked ?? implied) === undefined) return undefined;
  if (compatible && sslmode === 'require' && !sslrootcert) {
    throw new AddressError(`uselibpqcompat=true with sslmode=require and no sslrootcert ${anyCertificate}`);
  }
  if (compatible && sslmode === 'verify-ca' && !hasOwnCa(sslrootcert)) {
    throw new AddressError('uselibpqcompat=true with sslmode=verify-ca needs sslrootcert=, the CA to verify with');
  }
  return {
    caFile: hasOwnCa(sslrootcert) ? sslrootcert : undefined,
    certFile: sslcert || undefined,
    keyFile: sslkey || undefined,
    checksName: !(compatible && (sslmode === 'require' || sslmode === 'verify-ca') && hasOwnCa(sslrootcert)),
  };
}

/** `system` is libpq's word for the publicly trusted authorities. */
function hasOwnCa(sslrootcert: string | undefined): boolean {
  return Boolean(sslrootcert) && sslrootcert !== 'system';
}

function assertMode(mode: string | undefined): void {
  if (mode === undefined || sslModes.includes(mode)) return;
  throw new AddressError(`sslmode=${refusalOfMode(mode)}`);
}

/** The values of sslmode, and of PGSSLMODE, that are accepted. */
export const sslModes: readonly string[] = ['disable', 'require', 'verify-ca', 'verify-full'];

/** Why a value of sslmode, or of PGSSLMODE, is refused: the value and the reason. */
export function refusalOfMode(mode: string): string {
  if (mode === 'no-verify') return `no-verify ${anyCertificate}`;
  if (mode === 'prefer' || mode === 'allow') {
    return `${mode} falls back to a connection without TLS; accepted: ${acceptedModes} (${verifying})`;
  }
  return `${/^[a-z-]{1,32}$/.test(mode) ? mode : '...'} is unknown; accepted: ${acceptedModes} (${verifying})`;
}

/** The driver would treat ssl=false as true. */
function flagOf(text: string | undefined): boolean | undefined {
  if (text === undefined) return undefined;
  if (text === 'true' || text === '1') return true;
  if (text === 'false' || text === '0') return false;
  if (text === 'no-verify') throw new AddressError(`ssl=no-verify ${anyCertificate}`);
  throw new AddressError(`ssl is neither true nor false; accepted: ${acceptedModes}`);
}

function isCompatible(text: string | undefined): boolean {
  if (text === undefined || text === 'false') return false;
  if (text === 'true') return true;
  throw new AddressError('uselibpqcompat is neither true nor false');
}
