/**
 * Runs commands one after another, as src/main.ts runs one: each line of input is a command, and its mark and exit code end
 * what it prints. It ends with its parent.
 */
import { writeSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { run } from '../../src/cli/program.ts';
import type { Command } from './command-runner.ts';

const [STDOUT, STDERR] = [1, 2];

for await (const line of createInterface({ input: process.stdin })) {
  const { args, env, mark } = JSON.parse(line) as Command;
  const restores = [process, process.stdout, process.stderr].map(keepListeners);
  for (const name of Object.keys(process.env)) if (env[name] === undefined) delete process.env[name];
  Object.assign(process.env, env);
  const code = await run(args);
  for (const restore of restores) restore();
  for (const stream of [STDOUT, STDERR]) writeSync(stream, `${mark}${code}\n`);
}

/** Returns what takes away the listeners that are added from now on, and puts back those that are removed. */
function keepListeners(emitter: NodeJS.EventEmitter): () => void {
  const before = new Map(emitter.eventNames().map((name) => [name, emitter.rawListeners(name)]));
  return () => {
    for (const name of new Set([...before.keys(), ...emitter.eventNames()])) {
      const [kept, now] = [before.get(name) ?? [], emitter.rawListeners(name)];
      if (kept.length === now.length && kept.every((listener, i) => listener === now[i])) continue;
      emitter.removeAllListeners(name);
      for (const listener of kept) emitter.on(name, listener as () => void);
    }
  };
}
