/**
 * One fleet of a night's run: its options are the argument, in JSON. Says each fault on standard output, and the report as the
 * last line. A line on its standard input ends the injection; it ends with its parent.
 */
import { createInterface } from 'node:readline';
import { type ChaosOptions, runChaos } from './chaos.ts';

const end = new AbortController();
const say = (line: string) => process.stdout.write(`${line}\n`);
createInterface({ input: process.stdin })
  .on('line', () => end.abort())
  .on('close', () => process.exit(1));

const options = JSON.parse(process.argv[2]!) as ChaosOptions;
const report = await runChaos({ ...options, signal: end.signal, onProgress: say });
process.stdout.write(`${JSON.stringify(report)}\n`, () => process.exit(0));
