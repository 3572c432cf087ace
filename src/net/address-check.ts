import ipaddr from 'ipaddr.js';

/** Of this network alone: refused unless the operator allows them. */
const privateRanges: ReadonlySet<string> = new Set([
  'private',
  'loopback',
  'linkLocal',
  'uniqueLocal',
  'carrierGradeNat',
]);

/** NAT64's well-known prefix: an IPv4 address in the last four bytes. In other prefixes (RFC 8215) it may be elsewhere. */
const NAT64 = ipaddr.IPv6.parseCIDR('64:ff9b::/96');

/**
 * Whether a connection to this address may be made. What is neither public nor private (multicast, broadcast, reserved,
 * tunnels) never may; an IPv4 address inside of an IPv6 one counts as itself.
 */
export function mayConnect(address: string, { allowPrivate }: { readonly allowPrivate: boolean }): boolean {
  if (!ipaddr.isValid(address)) return false;
  const parsed = ipaddr.process(address);
  const isNat64 = parsed instanceof ipaddr.IPv6 && parsed.match(NAT64);
  const range = isNat64 ? embedded(parsed.toByteArray()).range() : parsed.range();
  return range === 'unicast' || (allowPrivate && privateRanges.has(range));
}

function embedded(bytes: readonly number[]): ipaddr.IPv4 {
  return new ipaddr.IPv4(bytes.slice(-4));
}
