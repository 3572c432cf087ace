import { expect, test } from '@jest/globals';
import { runChaos } from './chaos.ts';
import { isClean } from './report.ts';
import { reportSummary, reportTable } from './report-text.ts';
import { serverKinds } from './server-programs.ts';

const INJECT_MS = 75_000;
/** Long, for a busy machine; every wait inside is for a state. */
const BOUND_MS = 600_000;

test(
  'a fleet under faults: nothing lost, nothing marked falsely, nothing twice (the long one: npm run test:chaos)',
  async () => {
    const seed = Number(process.env.CHAOS_SEED || Math.floor(Math.random() * 2 ** 31));
    const server = serverKinds[seed % serverKinds.length]!;
    process.stdout.write(`chaos: seed ${seed}, server ${server}\n`);
    const report = await runChaos({ seed, server, injectMs: INJECT_MS });
    const { findings, problems } = report;
    expect({
      findings,
      problems,
      report: isClean(report) ? '' : `${reportTable(report)}\n${reportSummary(report)}`,
    }).toEqual({
      findings: [],
      problems: [],
      report: '',
    });
  },
  BOUND_MS,
);
