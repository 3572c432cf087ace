import { fileURLToPath } from 'node:url';
import type { Client, Place } from './client.ts';
import { answerOf, callOf } from './functions.ts';
import { LineProgram } from './line-program.ts';

const DRIVER = fileURLToPath(new URL('driver.py', import.meta.url));
/** Debian's, since Debian's packages are for that one. */
const PYTHON = '/usr/bin/python3';

/** Calls the functions from Python, by psycopg2, over one connection. */
export async function openPython({ url, schema }: Place): Promise<Client> {
  const python = new LineProgram(PYTHON, [DRIVER, url], 'install python3-psycopg2 (Debian)');
  const ask = async (request: object): Promise<Record<string, unknown>> => {
    python.write(`${JSON.stringify(request)}\n`);
    return JSON.parse(await python.readLine());
  };
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
    [Symbol.asyncDispose]: () => python[Symbol.asyncDispose](),
  };
}
