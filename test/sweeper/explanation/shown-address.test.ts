import { expect, test } from '@jest/globals';
import { shownAddress } from '../../../src/sweeper/explanation/shown-address.ts';

test.each([
  ['https://agent.example/a2a', 'https://agent.example/a2a'],
  ['https://agent.example:8443/a2a/@coder', 'https://agent.example:8443/a2a/@coder'],
  ['https://user:secret@agent.example/a2a', 'https://agent.example/a2a'],
  ['https://user:se@cret@agent.example/a2a', 'https://agent.example/a2a'],
  ['https:/user:secret@agent.example/a2a', 'https:/agent.example/a2a'],
  ['https://agent.example/a2a?token=secret&x=1', 'https://agent.example/a2a'],
  ['https://agent.example?token=secret@home', 'https://agent.example'],
  ['https://agent.example/a2a#secret', 'https://agent.example/a2a'],
  ['https://agent.example/a2a?token=sec\nret', 'https://agent.example/a2a'],
  ['agent.example:50051', 'agent.example:50051'],
  ['user:secret@agent.example:50051', 'agent.example:50051'],
  ['dns:///agent.example:50051', 'dns:///agent.example:50051'],
])('of %j %j is shown', (agentUrl, shown) => {
  expect(shownAddress(agentUrl)).toBe(shown);
});
