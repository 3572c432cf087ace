/**
 * `npm run test:chaos -- [--seed N] [--seconds N] [--server embedded|debian] [--json FILE] [--write-docs]`: one fleet.
 * `npm run test:chaos -- --night [--faults N] [--minutes N] [--fleets N]`: many fleets, one after another and side by side.
 * With the seed of a night that has ended, that night goes on.
 */
import { mkdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { type ChaosOptions, runChaos } from './chaos.ts';
import { writeDocs } from './docs.ts';
import { runNight } from './night.ts';
import { NightRecord } from './night-record.ts';
import { type ChaosReport, isClean } from './report.ts';
import { reportSummary, reportTable } from './report-text.ts';
import { type ServerKind, serverKinds } from './server-programs.ts';

const NIGHTS = 'node_modules/.cache/chaos';
const USAGE = `npm run test:chaos -- [options]

One fleet of agents, daemons and a server under faults; then what the ledger says is compared with what each agent recorded.
  --seed N          the same faults again (default: at random, and printed)
  --seconds N       how long faults are injected (default 420)
  --server KIND     embedded: the server that the daemon brings; debian: Debian's, which can make a standby (default)
Many fleets, each with an empty ledger, until there were enough faults:
  --night           Ctrl-C ends it with the report so far, a second one without. What has been reported is kept in
                    ${NIGHTS}: --seed N goes on with that night
  --faults N        how many (default 10000)
  --minutes N       at most so long (default 600)
  --fleets N        at a time (default 6); a fleet has 12 processes and a server, and mostly waits
  --seconds N       how long each fleet is injected faults (default 900)
  --server KIND     of all fleets (default: both in turn)
  --anew            does not go on with the night of that seed, but begins it again
Of both, of a night after each fleet:
  --json FILE       write the report there
  --write-docs      write the report into docs/reliability.md`;

const text = (value?: string) => ({ type: 'string' as const, ...(value !== undefined && { default: value }) });
const { values } = parseArgs({
  options: {
    help: { type: 'boolean', default: false },
    night: { type: 'boolean', default: false },
    anew: { type: 'boolean', default: false },
    seed: text(String(Math.floor(Math.random() * 2 ** 31))),
    seconds: text(),
    server: text(),
    faults: text('10000'),
    minutes: text('600'),
    fleets: text('6'),
    json: text(),
    'write-docs': { type: 'boolean', default: false },
  },
});
const say = (line: string) => process.stdout.write(`${line}\n`);
if (values.help) {
  say(USAGE);
  process.exit(0);
}

const end = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.on(signal, () => {
    if (end.signal.aborted) process.exit(130);
    say('ends: the report follows; once more ends it without');
    end.abort();
  });
}

const seed = whole('seed', 0);
const server = serverOf(values.server);
say(`seed ${seed}`);
const report = values.night ? await night() : await oneFleet();
say(`\n${reportTable(report)}\n\n${reportSummary(report)}`);
for (const { kind, id, what } of report.findings) say(`${kind}: ${id}: ${what}`);
for (const problem of report.problems) say(problem);
await write(report);
process.exit(isClean(report) ? 0 : 1);

function oneFleet(): Promise<ChaosReport> {
  const injectMs = whole('seconds', 1, 420) * 1000;
  const options: ChaosOptions = { seed, server: server ?? 'debian', injectMs };
  return runChaos({ ...options, signal: end.signal, onProgress: say });
}

async function write(report: ChaosReport): Promise<void> {
  if (values.json !== undefined) {
    await mkdir(path.dirname(path.resolve(values.json)), { recursive: true });
    await writeFile(values.json, `${JSON.stringify(report, null, 2)}\n`);
  }
  if (values['write-docs']) await writeDocs(report);
}

async function night(): Promise<ChaosReport> {
  const file = path.join(import.meta.dirname, '../..', NIGHTS, `night-${seed}.jsonl`);
  if (values.anew) await rm(file, { force: true });
  const record = await NightRecord.open(file);
  if (record.injected > 0) say(`goes on: ${record.injected} faults in ${record.reports.length} fleets so far`);
  return runNight({
    record,
    seed,
    server,
    faults: whole('faults', 1),
    limitMs: whole('minutes', 1) * 60_000,
    fleets: whole('fleets', 1),
    fleetMs: whole('seconds', 1, 900) * 1000,
    signal: end.signal,
    onProgress: say,
    onReport: write,
  });
}

function whole(name: 'seed' | 'seconds' | 'faults' | 'minutes' | 'fleets', least: number, otherwise?: number): number {
  const value = values[name] === undefined ? otherwise : Number(values[name]);
  if (Number.isSafeInteger(value) && value! >= least) return value!;
  return refuse(`--${name} is ${values[name]}: it must be a whole number from ${least}`);
}

function serverOf(value: string | undefined): ServerKind | undefined {
  if (value === undefined) return undefined;
  const known = serverKinds.find((kind) => kind === value);
  return known ?? refuse(`--server is ${value}: it must be one of ${serverKinds.join(', ')}`);
}

function refuse(why: string): never {
  process.stderr.write(`${why}\n\n${USAGE}\n`);
  process.exit(64);
}
