import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Client, Place } from './client.ts';
import { answerOf, callOf } from './functions.ts';

const DRIVER = fileURLToPath(new URL('driver.py', import.meta.url));
/** Debian's, since that is the one which has Debian's packages. */
const PYTHON = '/usr/bin/python3';

/** Calls the functions from Python, by psycopg2, over one connection. */
export async function openPython({ url, schema }: Place): Promise<Client> {
  const child = spawn(PYTHON, [DRIVER, url], { stdio: ['pipe', 'pipe', 'pipe'] });
  const ask = asker(child);
  return {
    speaks: 'functions',
    async call(method, said) {
      const call = callOf(schema, method, said, (name) => `%(${name})s`);
      const values = Object.fromEntries(Object.entries(said).filter(([, value]) => value !== undefined));
      return answerOf(method, await ask({ sql: `SELECT * FROM ${call}`, values }));
    },
    async execute(sql) {
      return answerOf(null, await ask({ sql: `SET search_path = "${schema}"; ${sql}; RESET search_path` }));
    },
    async [Symbol.asyncDispose]() {
      const closed = once(child, 'close');
      child.stdin.end();
      if (child.exitCode === null) await closed;
    },
  };
}

/** One request, one line, one answer. */
function asker(child: ChildProcess): (request: object) => Promise<Record<string, unknown>> {
  const lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]();
  let complaint = '';
  child.stderr!.on('data', (text) => {
    complaint += text;
  });
  const failed = new Promise<never>((_, reject) => {
    child.once('error', () => reject(new Error(`${PYTHON} is not here: install python3-psycopg2 (Debian)`)));
    child.once('close', (code) => reject(new Error(`Python ended with ${code}: ${complaint}`)));
  });
  failed.catch(() => undefined);
  return async (request) => {
    child.stdin!.write(`${JSON.stringify(request)}\n`);
    const { value } = await Promise.race([lines.next(), failed]);
    if (value === undefined) return failed;
    return JSON.parse(value);
  };
}
