import { describe, expect, test } from '@jest/globals';
import { mayConnect } from '../../../src/a2a/probe/address-check.ts';
import { placesOf } from '../../../src/a2a/probe/agent-cards.ts';
import { AllowList } from '../../../src/a2a/probe/allow-list.ts';
import { Slots } from '../../../src/a2a/probe/slots.ts';

describe('the allow list', () => {
  test.each([
    ['agents.example.com', 'https://agents.example.com/a', true],
    ['agents.example.com', 'http://agents.example.com:8080', true],
    ['agents.example.com', 'https://AGENTS.example.com./', true],
    ['agents.example.com', 'https://evil.agents.example.com/', false],
    ['agents.example.com', 'https://agents.example.com.evil.test/', false],
    ['agents.example.com:443', 'https://agents.example.com/', true],
    ['agents.example.com:443', 'http://agents.example.com/', false],
    ['agents.example.com:80', 'http://agents.example.com/', true],
    ['*.example.com', 'https://a.b.example.com/', true],
    ['*.example.com', 'https://example.com/', false],
    ['*.example.com', 'https://badexample.com/', false],
    ['*.example.com:8443', 'https://a.example.com:8443/', true],
    ['127.0.0.1', 'http://0x7f.1/', true],
    ['127.0.0.1', 'http://127.0.0.2/', false],
    ['[::1]:80', 'http://[0:0:0:0:0:0:0:1]/', true],
    ['[::1]', 'http://[::2]/', false],
  ])('%s and %s: %s', (allowed, url, expected) => {
    expect(new AllowList([allowed]).allows(new URL(url))).toBe(expected);
  });
});

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

test('a card is looked for below the address and below each part of its path, in four places at most', () => {
  const card = '.well-known/agent-card.json';
  expect(placesOf('https://h')).toEqual([`https://h/${card}`]);
  expect(placesOf('https://h/a/rpc?x=1')).toEqual([
    `https://h/a/rpc/${card}`,
    `https://h/a/${card}`,
    `https://h/${card}`,
  ]);
  expect(placesOf('https://h/1/2/3/4/5')).toEqual([
    `https://h/1/2/3/4/5/${card}`,
    `https://h/1/2/3/4/${card}`,
    `https://h/1/2/3/${card}`,
    `https://h/${card}`,
  ]);
});

test('slots are given in order, once each, and whoever gives up waits no longer', async () => {
  const slots = new Slots(1);
  const never = new AbortController().signal;
  const giveBack = await slots.take(never);
  const impatient = new AbortController();
  const [given, patient] = [slots.take(impatient.signal), slots.take(never)];
  impatient.abort(new Error('no patience'));
  await expect(given).rejects.toThrow('no patience');
  giveBack();
  giveBack();
  const second = await patient;
  const third = slots.take(never);
  second();
  (await third)();
  await expect(slots.take(impatient.signal)).rejects.toThrow('no patience');
});
