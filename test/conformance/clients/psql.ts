import type { Answer, Method, Value } from '../case.ts';
import type { Client, Place } from './client.ts';
import { answerOf, callOf } from './functions.ts';
import { LineProgram } from './line-program.ts';

/** What psql does after a statement: its error as JSON, which a program can tell from an answer, and a line at the end. */
const END = '(end)';
const REPORT = `\\if :ERROR
SELECT json_build_object('sqlState', :'LAST_ERROR_SQLSTATE', 'message', :'LAST_ERROR_MESSAGE');
\\endif
\\echo ${END}
`;

/** Calls the functions as a script for psql does, with its values as variables, which psql quotes. */
export async function openPsql({ url, schema }: Place): Promise<Client> {
  const psql = new LineProgram('psql', ['-X', '-q', '-A', '-t', url], 'install postgresql-client (Debian)');
  const run = async (method: Method | null, script: string): Promise<Answer> => {
    psql.write(`${script};\n${REPORT}`);
    let printed = '{}';
    for (;;) {
      const line = await psql.readLine();
      if (line === END) return answerOf(method, JSON.parse(printed));
      printed = line;
    }
  };
  return {
    speaks: 'functions',
    call(method, values) {
      const variables: string[] = [];
      const invocation = callOf(schema, method, values, (name, value) => {
        if (value === null || (typeof value === 'object' && 'json' in value && value.json === null)) return 'NULL';
        variables.push(`\\set ${name} ${quoted(textOf(value))}\n`);
        return typeof value === 'number' ? `:${name}` : `:'${name}'`;
      });
      return run(method, `${variables.join('')}SELECT to_json(answer) FROM ${invocation} answer`);
    },
    execute: (sql) => run(null, `SET search_path = "${schema}";\n${sql}`),
    [Symbol.asyncDispose]: () => psql[Symbol.asyncDispose](),
  };
}

function textOf(value: Exclude<Value, undefined | null>): string {
  if (typeof value !== 'object') return String(value);
  return 'instant' in value ? value.instant : JSON.stringify(value.json);
}

/** As psql's own commands take a text: the backslash is its escape, and a line ends the command. */
function quoted(text: string): string {
  const escaped = text.replaceAll('\\', '\\\\').replaceAll("'", "\\'").replaceAll('\n', '\\n').replaceAll('\r', '\\r');
  return `'${escaped}'`;
}
