/**
 * Preloaded into a daemon, which reads a line of its standard input and answers on standard error. `measure`: the bytes that it
 * uses after a garbage collection. `leak`: from now on a kilobyte is kept for each sweep that it logs.
 */
import fs from 'node:fs';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';

export interface MemoryReading {
  /** What JavaScript refers to, buffers included. */
  readonly heldBytes: number;
  /** What the process has of the machine's memory. */
  readonly residentBytes: number;
}

const LEAK_BYTES = 1024;
const READINGS = 8;
const READ_EVERY_MS = 500;
const SWEEP = '"event":"sweep.completed"';

setFlagsFromString('--no-lazy-feedback-allocation');
const { gc } = globalThis as { gc?: () => void };
if (!gc) throw new Error('run with --expose-gc');
const kept: Buffer[] = [];
const write = fs.writeSync;

/** The least of several readings: what is under way at one of them is not kept. */
async function measure(): Promise<MemoryReading> {
  const readings: NodeJS.MemoryUsage[] = [];
  for (let n = 0; n < READINGS; n += 1) {
    gc!();
    readings.push(process.memoryUsage());
    await sleep(READ_EVERY_MS);
  }
  return {
    heldBytes: Math.min(...readings.map(({ heapUsed, external }) => heapUsed + external)),
    residentBytes: Math.min(...readings.map(({ rss }) => rss)),
  };
}

function leak(): void {
  const leaking: typeof fs.writeSync = (fd: number, text: unknown, ...rest: unknown[]) => {
    const sweeps = String(text).split(SWEEP).length - 1;
    for (let sweep = 0; sweep < sweeps; sweep += 1) kept.push(Buffer.alloc(LEAK_BYTES, kept.length));
    return (write as (...args: unknown[]) => number)(fd, text, ...rest);
  };
  fs.writeSync = leaking;
}

createInterface({ input: process.stdin }).on('line', (line) => {
  if (line === 'measure') void measure().then((reading) => process.stderr.write(`${JSON.stringify(reading)}\n`));
  if (line === 'leak') leak();
});
