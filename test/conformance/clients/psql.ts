import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import type { Answer, Method, Value } from '../case.ts';
import type { Client, Place } from './client.ts';
import { answerOf, callOf } from './functions.ts';

/** What psql reads after a statement: its error as JSON, for a program to tell from an answer. */
const REPORT_ERROR = `\\if :ERROR
SELECT json_build_object('sqlState', :'LAST_ERROR_SQLSTATE', 'message', :'LAST_ERROR_MESSAGE');
\\endif
`;

/** Calls the functions as a shell script would: each by psql, with its values as quoted variables. */
export async function openPsql({ url, schema }: Place): Promise<Client> {
  const call = async (method: Method, values: Readonly<Record<string, Value>>): Promise<Answer> => {
    const variables: string[] = [];
    const invocation = callOf(schema, method, values, (name, value) => {
      if (value === null || (typeof value === 'object' && 'json' in value && value.json === null)) return 'NULL';
      variables.push(`${name}=${textOf(value)}`);
      return typeof value === 'number' ? `:${name}` : `:'${name}'`;
    });
    const printed = await psql(url, `SELECT to_json(answer) FROM ${invocation} answer;\n${REPORT_ERROR}`, variables);
    return answerOf(method, JSON.parse(printed));
  };
  return {
    speaks: 'functions',
    call,
    async execute(sql) {
      const printed = await psql(url, `SET search_path = "${schema}";\n${sql};\n${REPORT_ERROR}`);
      return answerOf(null, printed === '' ? {} : JSON.parse(printed));
    },
    async [Symbol.asyncDispose]() {},
  };
}

function textOf(value: Exclude<Value, undefined | null>): string {
  if (typeof value !== 'object') return String(value);
  return 'instant' in value ? value.instant : JSON.stringify(value.json);
}

async function psql(url: string, script: string, variables: readonly string[] = []): Promise<string> {
  const options = variables.flatMap((variable) => ['-v', variable]);
  const child = spawn('psql', ['-X', '-q', '-A', '-t', ...options, url], {
    env: { ...process.env, PGCLIENTENCODING: 'UTF8' },
  });
  const missing = new Promise<never>((_, reject) => {
    child.once('error', () =>
      reject(new Error('psql is not here: install postgresql-client (Debian: apt-get install)')),
    );
  });
  child.stdin.end(script);
  const ended = Promise.all([text(child.stdout), text(child.stderr), new Promise((done) => child.once('close', done))]);
  const [stdout, stderr, code] = await Promise.race([ended, missing]);
  if (code !== 0) throw new Error(`psql ended with ${code}: ${stderr}`);
  return stdout.trim();
}
