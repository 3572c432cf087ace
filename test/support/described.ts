import type pg from 'pg';

/** What the server says of a statement that it has parsed and not run: type names, as SQL writes them. */
export interface Description {
  readonly parameters: readonly string[];
  readonly columns: readonly { readonly name: string; readonly type: string }[];
}

interface WireField {
  readonly name: string;
  readonly dataTypeID: number;
}

/** The messages of the extended protocol that `pg` sends for a query of its own. */
interface WireConnection {
  once(event: 'parameterDescription', listener: (message: { dataTypeIDs: readonly number[] }) => void): void;
  parse(message: { name: string; text: string; types: readonly number[] }): void;
  describe(message: { type: 'S'; name: string }): void;
  sync(): void;
}

/** Parse and Describe of the unnamed statement, in the place of a query: neither binds nor runs anything. */
class DescribeQuery {
  readonly #text: string;
  readonly #done = Promise.withResolvers<{ parameters: readonly number[]; fields: readonly WireField[] }>();
  #parameters: readonly number[] = [];
  #fields: readonly WireField[] = [];

  constructor(text: string) {
    this.#text = text;
  }

  get done() {
    return this.#done.promise;
  }

  submit(connection: WireConnection): void {
    connection.once('parameterDescription', ({ dataTypeIDs }) => {
      this.#parameters = dataTypeIDs;
    });
    connection.parse({ name: '', text: this.#text, types: [] });
    connection.describe({ type: 'S', name: '' });
    connection.sync();
  }

  handleRowDescription({ fields }: { fields: readonly WireField[] }): void {
    this.#fields = fields;
  }

  handleError(err: Error): void {
    this.#done.reject(err);
  }

  handleReadyForQuery(): void {
    this.#done.resolve({ parameters: this.#parameters, fields: this.#fields });
  }
}

/** @throws the database's error when the statement does not parse. */
export async function described(session: pg.Client, sql: string): Promise<Description> {
  const query = new DescribeQuery(sql);
  session.query(query as unknown as pg.Submittable);
  const { parameters, fields } = await query.done;
  const oids = [...parameters, ...fields.map(({ dataTypeID }) => dataTypeID)];
  const { rows } = await session.query<{ name: string }>(
    'SELECT format_type(oid, NULL) AS name FROM unnest($1::oid[]) WITH ORDINALITY named (oid, n) ORDER BY n',
    [oids],
  );
  const names = rows.map(({ name }) => name);
  return {
    parameters: names.slice(0, parameters.length),
    columns: fields.map(({ name }, i) => ({ name, type: names[parameters.length + i]! })),
  };
}
