import { expect } from '@jest/globals';
import pg from 'pg';
import { deleteRows } from '../support/delete-rows.ts';
import { unreplayable } from '../support/replay.ts';
import { type Activity, type Case, ROLE, type Row, type Step } from './case.ts';
import type { Client, Place } from './clients/client.ts';

/**
 * One case, by one client, in an emptied ledger; `inspector` is a session on the same schema that may read and delete all.
 */
export async function runCase(client: Client, inspector: Inspector, { steps, rows = {}, activity = {} }: Case) {
  await inspector.empty();
  for (const step of steps) {
    if ('only' in step && step.only !== undefined && step.only !== client.speaks) continue;
    if ('byOwner' in step) await inspector.query(step.byOwner);
    else await takeStep(client, step);
  }
  for (const [id, row] of Object.entries(rows)) await expectRow(inspector, id, row);
  for (const [id, expected] of Object.entries(activity)) await expectActivity(inspector, id, expected);
  expect(await unreplayable(inspector)).toEqual([]);
}

async function takeStep(client: Client, step: Exclude<Step, { byOwner: string }>): Promise<void> {
  if ('sql' in step) {
    const { sql, sqlState } = step;
    expect({ sql, ...(await client.execute(sql)) }).toEqual({ sql, ...(sqlState !== undefined && { sqlState }) });
    return;
  }
  const { call, with: values, answers } = step;
  const answer = await client.call(call, values);
  // With the call, so that a difference says which step of the case it is.
  expect({ call, values, answer }).toMatchObject({ call, values, answer: answers });
}

async function expectRow(inspector: Inspector, id: string, expected: Row | null): Promise<void> {
  const [row] = await inspector.query<Record<string, unknown>>('SELECT * FROM delegations WHERE delegation_id = $1', [
    id,
  ]);
  if (expected === null) {
    expect({ id, row }).toEqual({ id, row: undefined });
    return;
  }
  expect({ id, row }).toMatchObject({ id, row: expected.is ?? {} });
  for (const condition of expected.holds ?? []) {
    const [{ holds } = { holds: null }] = await inspector.query<{ holds: boolean | null }>(
      `SELECT (${condition}) AS holds FROM delegations WHERE delegation_id = $1`,
      [id],
    );
    expect({ id, condition, holds, row }).toEqual({ id, condition, holds: true, row });
  }
}

async function expectActivity(inspector: Inspector, id: string, expected: readonly Activity[]): Promise<void> {
  const found = await inspector.query<Activity>(
    `SELECT event, from_status, to_status, actor, detail, request_body, response_body FROM activity_logs
     WHERE delegation_id = $1 ORDER BY activity_id`,
    [id],
  );
  expect({ id, events: found.map(({ event }) => event) }).toEqual({ id, events: expected.map(({ event }) => event) });
  const named = expected.map(({ actor, ...rest }) => ({
    ...rest,
    ...(actor !== undefined && { actor: actor === ROLE ? inspector.clientRole : actor }),
  }));
  expect(found).toMatchObject(named);
}

/** Reads the ledger beside the client, as the owner. */
export class Inspector implements AsyncDisposable {
  readonly #session: pg.Client;
  readonly #written: (sql: string) => string;
  /** The role that the client under test has. */
  readonly clientRole: string;

  private constructor(session: pg.Client, clientRole: string, written: (sql: string) => string) {
    this.#session = session;
    this.#written = written;
    this.clientRole = clientRole;
  }

  /**
   * @param ownerUrl of the owner; `place` is the client's.
   * @param written as SQL is to be sent there; by default as it is.
   */
  static async open(ownerUrl: string, place: Place, written = (sql: string) => sql): Promise<Inspector> {
    const session = new pg.Client({ connectionString: ownerUrl });
    await session.connect();
    await session.query(`SET search_path = "${place.schema}"`);
    return new Inspector(session, decodeURIComponent(new URL(place.url).username), written);
  }

  async query<T>(sql: string, parameters: unknown[] = []): Promise<T[]> {
    return (await this.#session.query(this.#written(sql), parameters)).rows as T[];
  }

  async empty(): Promise<void> {
    await deleteRows(this, ['delegations', 'a2a_tasks', 'activity_logs']);
    await this.query('UPDATE sweeper_threshold SET stuck_after_ms = NULL');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#session.end();
  }
}
