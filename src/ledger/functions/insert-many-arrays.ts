/** The arrays of delegation_insert_many, each with the argument of delegation_insert that its elements are. */
const arrays = {
  ids: ['id', 'text'],
  callers: ['caller', 'text'],
  callees: ['callee', 'text'],
  previews: ['preview', 'text'],
  idempotency_keys: ['idempotency_key', 'text'],
  deadlines: ['deadline', 'timestamptz'],
  stuck_afters_ms: ['stuck_after_ms', 'bigint'],
  stalled_afters_ms: ['stalled_after_ms', 'bigint'],
  request_bodies: ['request_body', 'jsonb'],
  deadlines_ms: ['deadline_ms', 'float8'],
  traceparents: ['traceparent', 'text'],
} as const;

export type ArrayName = keyof typeof arrays;

export const arrayNames = Object.keys(arrays) as ArrayName[];
export const neededArrays: readonly ArrayName[] = ['ids', 'callers', 'callees', 'previews'];

const typeOf = (name: ArrayName) => `${arrays[name][1]}[]`;

/** SQL: the parameters of the function. */
export function parametersOf(): string {
  return arrayNames
    .map((name) => `${name} ${typeOf(name)}${neededArrays.includes(name) ? '' : ' DEFAULT NULL'}`)
    .join(', ');
}

export function typesOf(): string {
  return arrayNames.map(typeOf).join(', ');
}

/** SQL: the elements of these arrays as rows `alias`, by the names of the arguments, with their place `nr` from 1. */
export function elementsOf(fn: string, alias: string, names: readonly ArrayName[] = arrayNames): string {
  const columns = names.map((name) => arrays[name][0]);
  return `ROWS FROM (${names.map((name) => `unnest(${fn}.${name})`).join(', ')})
        WITH ORDINALITY AS ${alias} (${[...columns, 'nr'].join(', ')})`;
}

/** SQL: the same of a JSON array `json` of objects that have the arguments by name. */
export function jsonElementsOf(json: string, alias: string): string {
  const columns = arrayNames.map((name) => arrays[name][0]);
  return `ROWS FROM (jsonb_to_recordset(${json}) AS (${arrayNames.map((name) => arrays[name].join(' ')).join(', ')}))
        WITH ORDINALITY AS ${alias} (${[...columns, 'nr'].join(', ')})`;
}

/** SQL: the arrays, aggregated of elements `alias`. */
export function aggregatesOf(alias: string): string {
  return arrayNames.map((name) => `array_agg(${alias}.${arrays[name][0]} ORDER BY ${alias}.nr) AS ${name}`).join(', ');
}
