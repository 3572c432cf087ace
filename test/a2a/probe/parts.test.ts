import { describe, expect, test } from '@jest/globals';
import { placesOf } from '../../../src/a2a/probe/agent-cards.ts';
import { AllowList } from '../../../src/a2a/probe/allow-list.ts';

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
