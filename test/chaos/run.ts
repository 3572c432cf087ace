/** `npm run test:chaos -- [--seed N] [--seconds N] [--json FILE] [--write-docs]` */
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { runChaos } from './chaos.ts';
import { writeDocs } from './docs.ts';
import { isClean, reportSummary, reportTable } from './report.ts';

const INJECT_SECONDS = 420;
/** Limit of the whole run. */
const BOUND_MS = 600_000;

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: String(Math.floor(Math.random() * 2 ** 31)) },
    seconds: { type: 'string', default: String(INJECT_SECONDS) },
    json: { type: 'string' },
    'write-docs': { type: 'boolean', default: false },
  },
});
const say = (line: string) => process.stdout.write(`${line}\n`);

setTimeout(() => {
  say('the chaos suite took longer than ten minutes');
  process.exit(1);
}, BOUND_MS).unref();
say(`seed ${values.seed}`);
const report = await runChaos({ seed: Number(values.seed), injectMs: Number(values.seconds) * 1000, onProgress: say });
say(`\n${reportTable(report)}\n\n${reportSummary(report)}`);
for (const { kind, id, what } of report.findings) say(`${kind}: ${id}: ${what}`);
for (const problem of report.problems) say(problem);
if (values.json !== undefined) {
  await mkdir(path.dirname(path.resolve(values.json)), { recursive: true });
  await writeFile(values.json, `${JSON.stringify(report, null, 2)}\n`);
}
if (values['write-docs']) await writeDocs(report);
process.exit(isClean(report) ? 0 : 1);
