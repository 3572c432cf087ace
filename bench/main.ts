import { Command, Option } from 'commander';
import type { Bench } from './bench.ts';
import { LedgerTemplate } from './ledger-database.ts';
import { Load } from './load.ts';
import { type Outcome, Report } from './report.ts';
import { scenarios } from './scenarios/scenarios.ts';
import { BenchServer } from './server.ts';

/** Exit code: sysexits' EX_USAGE. */
const USAGE = 64;

const options = new Command('npm run bench --')
  .description('Measures what the ledger and the sweep cost, beside a limit or a peer in the same run.')
  .option('--quick', 'smaller sizes, fewer rounds', false)
  .addOption(new Option('--only <scenario...>', 'some of the scenarios').choices(Object.keys(scenarios)))
  .option('--publish', 'write what was measured into docs/performance.md', false)
  .exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? 0 : USAGE))
  .parse()
  .opts<{ quick: boolean; only?: string[]; publish: boolean }>();
const names = options.only ?? Object.keys(scenarios);

const startedAtMs = performance.now();
const say = (text: string) =>
  process.stderr.write(`${((performance.now() - startedAtMs) / 1000).toFixed(0).padStart(5)} s  ${text}\n`);

await using server = await BenchServer.start();
const bench: Bench = {
  server,
  template: await LedgerTemplate.create(server),
  load: new Load(await server.postmasterPid()),
  quick: options.quick,
  say,
};

const outcomes: Outcome[] = [];
const report = (some: readonly Outcome[]) =>
  new Report(some, {
    quick: options.quick,
    only: options.only ?? [],
    seconds: (performance.now() - startedAtMs) / 1000,
  });
for (const name of names) {
  say(name);
  try {
    const outcome = { scenario: name, ...(await scenarios[name]!(bench)) };
    outcomes.push(outcome);
    // What is measured is kept, whatever becomes of the rest of a run that takes hours.
    await report(outcomes).save();
    // Into docs/performance.md: the place of each scenario there names the kind of run.
    if (options.publish) await report([outcome]).publish();
  } catch (err) {
    // The others still count; the exit code shows that one is missing.
    process.exitCode = 1;
    process.stderr.write(`${name} failed: ${err instanceof Error ? err.stack : err}\n`);
  }
}
process.stdout.write(report(outcomes).table());
