import { stripVTControlCharacters } from 'node:util';
import { expect, test } from '@jest/globals';
import { closingTable } from '../../src/demo/closing-table.ts';
import type { Result } from '../../src/demo/verdict.ts';

const result: Result = {
  agent: 'zombie',
  delegationId: 'demo-zombie',
  happened: 'came back, too late',
  status: 'stuck',
  errorDetail: 'no heartbeat for 5s',
  attempt: 1,
  lateResult: true,
  asExpected: true,
  problems: [],
};

test('the closing table shows for each agent what happened, what the ledger holds and whether that is right', () => {
  const wrong = {
    ...result,
    agent: 'victim',
    status: null,
    errorDetail: null,
    lateResult: false,
    asExpected: false,
    problems: ['the ledger holds no such row'],
  };
  const again = { ...result, agent: 'heir', status: 'completed', errorDetail: null, attempt: 2, lateResult: false };
  expect(stripVTControlCharacters(closingTable([result, again, wrong])).split('\n')).toEqual([
    'agent   what happened        what the ledger says',
    '------  -------------------  ---------------------------------------  -----',
    'zombie  came back, too late  stuck: no heartbeat for 5s, result kept  ok',
    'heir    came back, too late  completed, attempt 2                     ok',
    'victim  came back, too late  nothing                                  WRONG',
    'victim: the ledger holds no such row',
  ]);
});
