import { readdir, readFile } from 'node:fs/promises';
import { findProcess } from '../../src/embedded/process-table.ts';

/** The running processes with this text, which a test gave to a child, in their command line or environment. */
export async function processesWith(mark: string): Promise<string[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number);
  const found = await Promise.all(pids.map(async (pid) => ((await bears(pid, mark)) ? describe(pid) : undefined)));
  return found.filter((text) => text !== undefined);
}

async function bears(pid: number, mark: string): Promise<boolean> {
  if (pid === process.pid) return false;
  const texts = ['cmdline', 'environ'].map((file) => readFile(`/proc/${pid}/${file}`, 'utf8').catch(() => ''));
  return (await Promise.all(texts)).some((text) => text.includes(mark));
}

/** Undefined when it has ended, or is a zombie. */
async function describe(pid: number): Promise<string | undefined> {
  const found = await findProcess(pid);
  return found && `${pid} ${found.commandLine.join(' ')}`;
}
