import { expect, test } from '@jest/globals';
import { checks } from '../../src/doctor/checks.ts';
import { docsBlock } from '../docs/docs-block.ts';
import { doctorTable } from '../docs/doctor-table.ts';
import { allDamages } from './damages/all.ts';
import { foundElsewhere } from './damages/found-elsewhere.ts';

test('docs/doctor.md holds the checks as they are', () => {
  const table = doctorTable();
  expect(docsBlock('doctor.md', 'checks', table)).toBe(table);
});

test('each fault of each check is made by a test', () => {
  const faults = checks.flatMap(({ name, faults }) => Object.keys(faults).map((fault) => `${name}: ${fault}`));
  const made = [...allDamages.map(({ check, fault }) => `${check}: ${fault}`), ...Object.keys(foundElsewhere)];
  expect([...new Set(made)].toSorted()).toEqual(faults.toSorted());
});

test('no name is that of two checks', () => {
  expect(new Set(checks.map(({ name }) => name)).size).toBe(checks.length);
});
