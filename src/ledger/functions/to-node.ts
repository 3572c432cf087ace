/** What a call of a function needs to know of it (schema-function.ts). */
interface Callable {
  readonly name: string;
  readonly parameters: string;
  readonly types: string;
  readonly returns?: string;
}

/**
 * PL/pgSQL: calls the function again on the node that has the ledger, unless this is the node. Citus sends a call outside of a
 * transaction there itself. In a transaction it does so only with what a statement reads of a table: hence the table of one row.
 */
export function toNode(fn: Callable): string {
  return `
  IF NOT delegation_is_here() THEN${again(fn)}
  END IF;`;
}

function again({ name, parameters, returns, types }: Callable): string {
  const inputs = types === '' ? [] : types.split(',').map((type) => type.trim());
  const call = (columns: string, alias = 'h') => `SELECT ${columns} FROM sweeper_threshold one,
      LATERAL ${name}(${inputs.map((type, index) => `$${index + 1}::${type}`).join(', ')}) ${alias}`;
  const using = inputs.length === 0 ? '' : ` USING ${inputs.map((_, index) => `$${index + 1}`).join(', ')}`;
  if (returns === 'SETOF record') {
    return `
    RETURN QUERY EXECUTE '${call('h.*', "AS h (' || coalesce(nullif(columns, ''), 'nothing text') || ')")}'${using};
    RETURN;`;
  }
  if (returns?.startsWith('TABLE')) {
    return `
    RETURN QUERY EXECUTE '${call('h.*')}'${using};
    RETURN;`;
  }
  if (returns !== undefined) {
    return `
    EXECUTE '${call('h::text')}' INTO own.place${using};
    RETURN own.place::${returns};`;
  }
  const names = Array.from(parameters.matchAll(/\bOUT (\w+)/g), ([, out]) => `${name}.${out}`);
  return `
    EXECUTE '${call('h.*')}' INTO ${names.join(', ')}${using};
    RETURN;`;
}
