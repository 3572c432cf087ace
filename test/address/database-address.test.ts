import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { AddressError } from '../../src/address/address-error.ts';
import { parseAddress } from '../../src/address/database-address.ts';

function refusalOf(url: string): string {
  try {
    parseAddress(url);
  } catch (err) {
    if (err instanceof AddressError) return err.message;
    throw err;
  }
  throw new Error(`accepted: ${url}`);
}

describe('hosts', () => {
  test.each([
    ['postgres://h/db', [{ host: 'h', port: undefined }]],
    ['postgresql://u:p@h:5433/db', [{ host: 'h', port: 5433 }]],
    ['postgresql://u:p@[::1]:5433/db', [{ host: '::1', port: 5433 }]],
    ['postgresql:///db', [{ host: '', port: undefined }]],
    ['postgresql://u@/db?host=/run/postgresql', [{ host: '/run/postgresql', port: undefined }]],
    ['postgresql://u@%2Frun%2Fpostgresql:5433/db', [{ host: '/run/postgresql', port: 5433 }]],
    [
      'postgresql://u:p@a:5432,b:5433/db',
      [
        { host: 'a', port: 5432 },
        { host: 'b', port: 5433 },
      ],
    ],
    [
      'postgresql://u:p@a,[::1]:5433/db',
      [
        { host: 'a', port: undefined },
        { host: '::1', port: 5433 },
      ],
    ],
    [
      'postgresql://u:p@/db?host=a,b&port=5432,5433',
      [
        { host: 'a', port: 5432 },
        { host: 'b', port: 5433 },
      ],
    ],
    [
      'postgresql://u:p@/db?host=a,b&port=5433',
      [
        { host: 'a', port: 5433 },
        { host: 'b', port: 5433 },
      ],
    ],
  ])('of %s', (url, hosts) => {
    expect(parseAddress(url).hosts).toEqual(hosts);
  });

  test.each([
    ['postgresql://u:p@a,/db', 'one of several hosts is empty'],
    ['postgresql://u:p@a,b/db?port=1,2,3', '2 hosts and 3 ports'],
    ['postgresql://h:70000/db', 'a port is not a number'],
    ['postgresql://h:0/db', 'a port is not a number'],
    ['postgresql://u:p@a:x,b/db', 'a port is not a number'],
    ['postgresql://u:p@::1/db', 'square brackets'],
    ['postgresql://u:p@h/db?hostaddr=10.0.0.1', 'hostaddr is not supported'],
  ])('%s is refused with the reason', (url, reason) => {
    expect(refusalOf(url)).toContain(reason);
  });
});

describe('target_session_attrs', () => {
  test('is read-write with several hosts, and any with one, where the URL does not say', () => {
    expect(parseAddress('postgresql://a,b/db').target).toBe('read-write');
    expect(parseAddress('postgresql://a/db').target).toBe('any');
  });

  test.each(['any', 'read-write', 'primary'] as const)('%s is taken', (target) => {
    expect(parseAddress(`postgresql://a/db?target_session_attrs=${target}`).target).toBe(target);
  });

  test.each(['read-only', 'standby', 'prefer-standby', 'readwrite'])('%s is refused, and named', (target) => {
    const reason = refusalOf(`postgresql://a,b/db?target_session_attrs=${target}`);
    expect(reason).toContain(`target_session_attrs=${target}`);
    expect(reason).toContain('accepted: any, read-write, primary');
  });
});

describe('TLS', () => {
  const verified = { caFile: undefined, certFile: undefined, keyFile: undefined, checksName: true };

  test.each([
    ['', undefined],
    ['sslmode=disable', 'off'],
    ['ssl=false', 'off'],
    ['ssl=0', 'off'],
    ['ssl=true', verified],
    ['sslmode=require', verified],
    ['sslmode=verify-ca', verified],
    ['sslmode=verify-full', verified],
    ['sslmode=verify-full&sslrootcert=/ca.crt', { ...verified, caFile: '/ca.crt' }],
    ['sslmode=verify-full&sslrootcert=system', verified],
    ['sslrootcert=/ca.crt', { ...verified, caFile: '/ca.crt' }],
    ['sslcert=/c&sslkey=/k', { ...verified, certFile: '/c', keyFile: '/k' }],
    ['sslnegotiation=direct', verified],
    ['sslmode=require&channel_binding=require', verified],
    ['uselibpqcompat=true&sslmode=verify-full', verified],
    ['uselibpqcompat=true&sslmode=require&sslrootcert=/ca', { ...verified, caFile: '/ca', checksName: false }],
    ['uselibpqcompat=true&sslmode=verify-ca&sslrootcert=/ca', { ...verified, caFile: '/ca', checksName: false }],
  ])('%j is taken', (query, tls) => {
    expect(parseAddress(`postgresql://h/db?${query}`).tls).toEqual(tls);
  });

  test.each([
    ['sslmode=bogus', 'sslmode=bogus is unknown'],
    ['sslmode=', 'is unknown'],
    ['sslmode=no-verify', 'any certificate'],
    ['ssl=no-verify', 'any certificate'],
    ['sslmode=prefer', 'falls back to a connection without TLS'],
    ['sslmode=allow', 'falls back to a connection without TLS'],
    ['uselibpqcompat=true&sslmode=require', 'any certificate'],
    ['uselibpqcompat=true&sslmode=prefer', 'falls back'],
    ['uselibpqcompat=true&sslmode=verify-ca', 'needs sslrootcert='],
    ['uselibpqcompat=yes&sslmode=verify-full', 'uselibpqcompat'],
    ['ssl=maybe', 'neither true nor false'],
    ['ssl=true&sslmode=disable', 'contradict'],
    ['ssl=0&sslmode=verify-full', 'contradict'],
    ['sslmode=disable&sslnegotiation=direct', 'needs TLS'],
    ['sslmode=disable&channel_binding=require', 'needs TLS'],
    ['channel_binding=require', 'needs TLS'],
    ['sslmode=verify-full&sslmode=disable', 'sslmode is given twice'],
    ['sslmod=verify-full', 'sslmod is not supported'],
    ['sslcrl=/crl.pem&sslmode=verify-full', 'sslcrl is not supported'],
    ['gssencmode=require', 'gssencmode is not supported'],
    ['require_auth=scram-sha-256', 'require_auth would be ignored'],
    ['load_balance_hosts=random', 'load_balance_hosts is not supported'],
    ['schema=ledger', 'DB_SCHEMA'],
    ['database=other', 'the path of the URL'],
  ])('%j is refused with the reason', (query, reason) => {
    expect(refusalOf(`postgresql://h/db?${query}`)).toContain(reason);
  });
});

test('parameters that the driver knows by the same name are passed on, and harmless ones are ignored', () => {
  const url =
    'postgresql://h/db?application_name=a&options=-c%20jit%3Doff&keepalives=1&pgbouncer=true&connect_timeout=5';
  expect(parseAddress(url).parameters).toEqual({ application_name: 'a', options: '-c jit=off' });
});

test('user, password and database are decoded', () => {
  expect(parseAddress('postgresql://u%40x:p%2F%23%3A@h/my%20db')).toMatchObject({
    user: 'u@x',
    password: 'p/#:',
    database: 'my db',
  });
  expect(parseAddress('postgresql://h')).toMatchObject({ user: undefined, password: undefined, database: undefined });
  expect(parseAddress('postgresql://h?user=u&password=p&dbname=d')).toMatchObject({
    user: 'u',
    password: 'p',
    database: 'd',
  });
});

test('any text is parsed or refused, and no refusal shows a part of a password', () => {
  const piece = fc.constantFrom(...'postgresql:// / ? # @ : , % [ ] & = = host port sslmode u h 5432 %2F'.split(' '));
  const secret = 's3cret';
  fc.assert(
    fc.property(fc.array(fc.oneof(piece, fc.constant(secret)), { maxLength: 14 }), (pieces) => {
      try {
        parseAddress(`postgresql://${pieces.join('')}`);
      } catch (err) {
        expect(err).toBeInstanceOf(AddressError);
        expect((err as Error).message).not.toContain(secret);
      }
    }),
    { numRuns: 2_000 },
  );
});
