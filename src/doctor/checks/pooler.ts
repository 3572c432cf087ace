import { check, type Seen } from '../check.ts';
import { reasonOf } from '../reason.ts';
import { sessionStatement } from '../statements/session.ts';

/** Statements sent one by one, each of which a pooler may send elsewhere. */
const ROUNDS = 4;

export const pooler = check({
  name: 'pooler',
  about:
    'Whether a pooler stands between this program and the database, and keeps what is needed: transactions, one server, sessions without settings of others. PgBouncer in transaction mode does.',
  faults: {
    no_transactions: {
      severity: 'problem',
      when: 'The pooler refuses transactions (PgBouncer with pool_mode=statement)',
      remedy: 'Set `pool_mode = transaction` for this database in pgbouncer.ini, and reload.',
    },
    several_servers: {
      severity: 'problem',
      when: 'Statements go to a primary and to standbys by turns: what a standby has not received yet looks like silence',
      remedy:
        'Connect to the primary alone: switch the load balancing of reads off for this user (`load_balance_mode = off` in pgpool-II).',
    },
    leaking: {
      severity: 'advice',
      when: "A setting of the pooler, or of another client, is left in the session, and applies to this program's statements",
      remedy:
        'Where the pooler sets it on purpose (connect_query or track_extra_parameters of PgBouncer), leave it so. Otherwise find the client that runs `SET {name}` outside of a transaction behind the pooler: let it use `SET LOCAL`, or ALTER ROLE for a role of its own. `RECONNECT` in the console of PgBouncer clears the sessions.',
    },
  },
  async read(subject) {
    const sessions = [];
    for (let round = 0; round < ROUNDS; round += 1) {
      sessions.push(...(await sessionStatement().run(subject.db, {})));
    }
    const refused = await subject
      .catalogue(async () => null)
      .catch((err: unknown) => {
        if (!/transaction blocks not allowed|statement pooling/i.test(reasonOf(err))) throw err;
        return reasonOf(err);
      });
    return { sessions, refused };
  },
  judge: judgePooler,
});

export interface PoolerReading {
  /** Of statements that were sent one by one. */
  readonly sessions: readonly {
    readonly pid: number;
    readonly inRecovery: boolean;
    readonly left: readonly string[];
  }[];
  /** Why a transaction was refused; null: it was not. */
  readonly refused: string | null;
}

/** Pure. */
export function judgePooler({
  sessions,
  refused,
}: PoolerReading): Seen<'no_transactions' | 'several_servers' | 'leaking'>[] {
  const seen: Seen<'no_transactions' | 'several_servers' | 'leaking'>[] = [];
  if (refused !== null) {
    seen.push({ fault: 'no_transactions', what: 'The pooler refuses transactions', how: refused });
  }
  const standbys = sessions.filter(({ inRecovery }) => inRecovery).length;
  if (standbys > 0 && standbys < sessions.length) {
    const how = `${standbys} of ${sessions.length} statements were answered by a standby`;
    seen.push({ fault: 'several_servers', what: 'Statements go to several servers', how });
  }
  for (const name of new Set(sessions.flatMap(({ left }) => left))) {
    const how = "pg_settings shows it with the source 'session', and this program sets none";
    seen.push({
      fault: 'leaking',
      what: `The pooler, or another client, has left ${name} in the session`,
      how,
      names: { name },
    });
  }
  const pids = new Set(sessions.map(({ pid }) => pid)).size;
  if (pids > 1)
    seen.push({
      note: `${sessions.length} statements met ${pids} sessions of the server: a pooler in transaction mode`,
    });
  return seen;
}
