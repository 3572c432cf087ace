import { describe, expect, test } from '@jest/globals';
import { mayConnect } from '../../src/net/address-check.ts';

describe('addresses', () => {
  const always = ['8.8.8.8', '2606:4700::1111', '::ffff:8.8.8.8', '64:ff9b::808:808'];
  const allowed = [
    '127.0.0.1',
    '127.9.9.9',
    '10.0.0.1',
    '172.16.0.1',
    '192.168.1.1',
    '169.254.169.254',
    '100.64.0.1',
    '::1',
    'fe80::1',
    'fc00::1',
    '::ffff:10.0.0.1',
    '::ffff:7f00:1',
    '64:ff9b::a00:1',
  ];
  const never = [
    '0.0.0.0',
    '255.255.255.255',
    '224.0.0.1',
    '240.0.0.1',
    '192.0.2.1',
    '::',
    'ff02::1',
    '2002:a00:1::',
    '2001::1',
    '64:ff9b:1::808:808',
    '64:ff9b:1:a00:1::808:808',
    'not an address',
    '',
  ];
  test.each([
    ...always.map((address) => [address, true, true] as const),
    ...allowed.map((address) => [address, false, true] as const),
    ...never.map((address) => [address, false, false] as const),
  ])('%j: %s, and %s where private ones are allowed', (address, plain, withPrivate) => {
    expect(mayConnect(address, { allowPrivate: false })).toBe(plain);
    expect(mayConnect(address, { allowPrivate: true })).toBe(withPrivate);
  });
});
