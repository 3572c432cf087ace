import { randomUUID } from 'node:crypto';
import type { InsertResult } from '../../src/ledger/insert-result.ts';
import type { SetStatusResult } from '../../src/ledger/set-status-result.ts';
import type { Bench } from '../bench.ts';
import { type Findings, medianFigure } from '../figure.ts';
import { ledgerOf } from '../heartbeating.ts';
import { createOldLedger, OLD_SCHEMA, oldLedgerOf } from '../old-ledger.ts';
import { type Contestant, type Rates, ratios, takeTurns } from '../turns.ts';

const ROUNDS = 7;
const CONNECTIONS = 4;
const PREVIEW = 'x'.repeat(160);
const BODY = { prompt: 'summarise the quarter', tools: ['search', 'read'], limit: 3 };

/** What both versions of the library have. */
interface Ledger {
  insert(delegation: object): Promise<InsertResult>;
  setStatus(delegationId: string, status: 'in_progress' | 'completed', options?: object): Promise<SetStatusResult>;
}

/**
 * A life: insert, in_progress, completed, by the library of today and by that of version 0.1.0, each on the schema of its
 * version, in the same server. Commits do not wait for the disk, behind which either's own work would hide.
 */
export async function livesScenario(bench: Bench): Promise<Findings> {
  await using today = await bench.template.copy();
  await using old = await createOldLedger(bench.server, 'lives_old');
  const startup = '-c synchronous_commit=off';
  const open = (max: number): Readonly<Record<string, Ledger>> => ({
    today: ledgerOf(today.open({ max, startup })) as Ledger,
    '0.1.0': oldLedgerOf(old.open({ max, startup }).withSchema(OLD_SCHEMA)) as Ledger,
  });
  const empty: Readonly<Record<string, () => Promise<void>>> = {
    today: async () => void (await today.query('TRUNCATE delegations, activity_logs CASCADE')),
    '0.1.0': async () => void (await old.query('TRUNCATE old.delegations, old.activity_logs')),
  };
  const lives = bench.quick ? 1000 : 4000;
  const contest = (ledgers: Readonly<Record<string, Ledger>>, connections: number) =>
    takeTurns(
      bench.load,
      ROUNDS,
      Object.entries(ledgers).map(
        ([name, ledger]): Contestant => ({
          name,
          units: lives,
          prepare: empty[name]!,
          run: () => liveAll(ledger, lives, connections),
        }),
      ),
    );
  bench.say('lives: one connection');
  const one = await contest(open(1), 1);
  bench.say('lives: four connections');
  const four = await contest(open(CONNECTIONS), CONNECTIONS);
  const cpu = (rates: Map<string, Rates>, name: string) => rates.get(name)!.serverCpuUs;
  return {
    figures: [
      medianFigure('a life: server CPU', 'us', cpu(one, 'today'), {
        note: 'insert, in_progress, completed; one connection',
      }),
      medianFigure('the same by 0.1.0', 'us', cpu(one, '0.1.0')),
      medianFigure(
        "a life: server CPU, of 0.1.0's",
        'x',
        cpu(one, 'today').map((us, round) => us / cpu(one, '0.1.0')[round]!),
        { limit: { atMost: 0.65 } },
      ),
      medianFigure('lives over four connections', 'a second', four.get('today')!.perSecond),
      medianFigure('the same by 0.1.0', 'a second', four.get('0.1.0')!.perSecond),
      medianFigure("lives over four connections, of 0.1.0's", 'x', ratios(four, 'today', '0.1.0'), {
        limit: { atLeast: 1.4 },
      }),
    ],
  };
}

async function liveAll(ledger: Ledger, lives: number, atOnce: number): Promise<void> {
  const lane = async () => {
    for (let i = 0; i < lives / atOnce; i += 1) await live(ledger);
  };
  await Promise.all(Array.from({ length: atOnce }, lane));
}

export async function live(ledger: Ledger): Promise<void> {
  const delegationId = randomUUID();
  const delegation = { delegationId, callerId: 'caller', calleeId: 'callee', taskPreview: PREVIEW, requestBody: BODY };
  const outcomes = [
    (await ledger.insert(delegation)).outcome,
    (await ledger.setStatus(delegationId, 'in_progress')).outcome,
    (await ledger.setStatus(delegationId, 'completed', { resultPreview: 'done', responseBody: BODY })).outcome,
  ].join();
  if (outcomes !== 'inserted,changed,changed') throw new Error(`a life was ${outcomes}`);
}
