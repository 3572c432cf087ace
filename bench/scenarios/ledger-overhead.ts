import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { insertStatement } from '../../src/ledger/statements/insert.ts';
import { setStatusStatement } from '../../src/ledger/statements/set-status.ts';
import { ledgerTables } from '../../src/ledger/tables.ts';
import type { Bench } from '../bench.ts';
import { type Figure, type Findings, medianFigure } from '../figure.ts';
import { ledgerOf } from '../heartbeating.ts';
import type { LedgerDatabase } from '../ledger-database.ts';
import { ratios, takeTurns } from '../turns.ts';

const ROUNDS = 9;
const PREVIEW = 'x'.repeat(160);
const BODY = { prompt: 'summarise the quarter', tools: ['search', 'read'], limit: 3 };

/**
 * The ledger compared with the same SQL by plain `pg`, one connection each. Commits do not wait for the disk here, which
 * would hide the ledger's own work.
 */
export async function ledgerOverheadScenario(bench: Bench): Promise<Findings> {
  await using database = await bench.template.copy();
  const calls = bench.quick ? 500 : 3000;
  const startup = '-c synchronous_commit=off';
  const ledger = ledgerOf(database.open({ max: 1, startup }));
  const client = new pg.Client({ connectionString: database.url, options: startup });
  await client.connect();
  try {
    return {
      figures: [
        ...(await inserts(bench, database, ledger, client, calls)),
        ...(await transitions(bench, database, ledger, client, calls)),
      ],
    };
  } finally {
    await client.end();
  }
}

type Ledger = ReturnType<typeof ledgerOf>;

async function inserts(bench: Bench, database: LedgerDatabase, ledger: Ledger, client: pg.Client, calls: number) {
  const insert = insertStatement(ledgerTables(database.db));
  const prepare = async () => {
    await database.query('TRUNCATE delegations, activity_logs CASCADE');
  };
  const rates = await takeTurns(bench.load, ROUNDS, [
    {
      name: 'plain',
      units: calls,
      prepare,
      async run() {
        for (let i = 0; i < calls; i += 1) {
          const { sql, parameters } = insert.bind({
            delegationId: randomUUID(),
            callerId: 'caller',
            calleeId: 'callee',
            taskPreview: PREVIEW,
            idempotencyKey: null,
            deadline: null,
            deadlineMs: null,
            stuckAfterMs: null,
            stalledAfterMs: null,
            requestBody: JSON.stringify(BODY),
            traceparent: null,
          });
          await client.query(sql, parameters);
        }
      },
    },
    {
      name: 'ledger',
      units: calls,
      prepare,
      async run() {
        for (let i = 0; i < calls; i += 1) {
          const row = { delegationId: randomUUID(), callerId: 'caller', calleeId: 'callee', taskPreview: PREVIEW };
          const { outcome } = await ledger.insert({ ...row, requestBody: BODY });
          if (outcome !== 'inserted') throw new Error(outcome);
        }
      },
    },
  ]);
  return figures('insert', rates);
}

async function transitions(bench: Bench, database: LedgerDatabase, ledger: Ledger, client: pg.Client, calls: number) {
  const setStatus = setStatusStatement(ledgerTables(database.db));
  const ids = Array.from({ length: calls }, () => randomUUID());
  const prepare = async () => {
    await database.query('TRUNCATE delegations, activity_logs CASCADE');
    await database.query(
      `INSERT INTO delegations (delegation_id, caller_id, callee_id, task_preview, status, revision)
       SELECT id, 'caller', 'callee', $2, 'in_progress', 1 FROM unnest($1::text[]) id`,
      [ids, PREVIEW],
    );
    await database.query('VACUUM (ANALYZE) delegations');
  };
  const completed = {
    to: 'completed',
    errorDetail: null,
    resultPreview: 'done',
    responseBody: JSON.stringify(BODY),
    actor: 'ledger',
  };
  const rates = await takeTurns(bench.load, ROUNDS, [
    {
      name: 'plain',
      units: calls,
      prepare,
      async run() {
        for (const delegationId of ids) {
          const { sql, parameters } = setStatus.bind({ delegationId, ...completed });
          await client.query(sql, parameters);
        }
      },
    },
    {
      name: 'ledger',
      units: calls,
      prepare,
      async run() {
        for (const id of ids) {
          const { outcome } = await ledger.setStatus(id, 'completed', { resultPreview: 'done', responseBody: BODY });
          if (outcome !== 'changed') throw new Error(outcome);
        }
      },
    },
  ]);
  return figures('setStatus', rates);
}

function figures(what: string, rates: Parameters<typeof ratios>[0]): Figure[] {
  return [
    medianFigure(`${what} by plain pg`, 'a second', rates.get('plain')!.perSecond),
    medianFigure(`${what} by the ledger`, 'a second', rates.get('ledger')!.perSecond),
    medianFigure(`${what}: ledger / plain pg`, 'x', ratios(rates, 'ledger', 'plain'), { limit: { atLeast: 0.9 } }),
  ];
}
