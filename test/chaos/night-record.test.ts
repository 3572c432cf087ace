import { appendFile, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { NightRecord } from './night-record.ts';
import { type ChaosReport, merged } from './report.ts';

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(path.join(tmpdir(), 'night-'));
});
afterAll(() => rm(dir, { recursive: true }));

/** Of a fleet that ran from one second of the day to another. */
function reportOf(from: number, to: number, injected: number): ChaosReport {
  const row = { survived: injected, delegations: 9, lost: 0, falselyMarked: 0, twice: 0, wrong: 0, injected };
  return {
    seeds: [from],
    servers: ['debian'],
    startedAt: new Date(from * 1000).toISOString(),
    durationMs: (to - from) * 1000,
    stuckAfterMs: 5_000,
    faults: [{ fault: 'a fault', ...row }],
    total: { fault: 'all', ...row },
    statuses: { completed: 1 },
    sweeps: { count: 1, held: 0, gaps: 0 },
    lateMs: [],
    heartbeatsAccepted: 0,
    lateResults: 0,
    a2aResults: 0,
    notPossible: [],
    findings: [],
    problems: [],
  };
}

test('a night goes on after its end with the fleets that have reported, also where a kill cut a line off', async () => {
  const file = path.join(dir, 'nights', 'night.jsonl');
  const first = await NightRecord.open(file);
  expect(first.injected).toBe(0);
  await first.add(1, reportOf(0, 10, 7));
  await first.add(0, reportOf(0, 12, 5));
  await appendFile(file, '{"nr":2,"report":{"seeds');
  const again = await NightRecord.open(file);
  expect([0, 1, 2].map((nr) => again.has(nr))).toEqual([true, true, false]);
  await again.add(2, reportOf(20, 30, 1));
  const last = await NightRecord.open(file);
  expect(last.injected).toBe(13);
  expect(last.reports).toEqual([reportOf(0, 10, 7), reportOf(0, 12, 5), reportOf(20, 30, 1)]);
  expect((await readFile(file, 'utf8')).split('\n')).toHaveLength(4);
});

test('the time of several fleets is that in which one of them ran', () => {
  const all = [reportOf(100, 110, 1), reportOf(0, 60, 1), reportOf(30, 70, 1), reportOf(10, 20, 1)];
  expect(merged(all)).toMatchObject({ durationMs: 80_000, startedAt: new Date(0).toISOString() });
});
