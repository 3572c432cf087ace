import { Kysely, PostgresDialect } from 'kysely';
import pg from 'pg';
import type { Database } from '../../src/db/schema.ts';
import { oldAgent, oldDaemon } from './old-programs.ts';

/** What one program did until it was stopped. */
export interface Worked {
  readonly rounds: number;
  /** What went wrong, and every statement that waited a second for a lock. */
  readonly failures: readonly string[];
}

interface Program {
  round(): Promise<readonly string[]>;
  end(): Promise<void>;
}

/** Agents and a daemon of 0.1.0 at work on the ledger in the schema `old`, each on its own connections. */
export class OldLoad {
  readonly #programs: readonly Promise<Worked>[];
  readonly #rounds: number[];
  #stopped = false;

  constructor(url: string, heartbeating: readonly string[]) {
    const programs = [heartbeats(url, heartbeating), lives(url, 'library'), daemon(url)];
    this.#rounds = programs.map(() => 0);
    this.#programs = programs.map((program, i) => this.#run(program, i));
  }

  /** The smallest number of rounds that one of them has finished. */
  get rounds(): number {
    return Math.min(...this.#rounds);
  }

  async stop(): Promise<Worked[]> {
    this.#stopped = true;
    return Promise.all(this.#programs);
  }

  async #run(program: Program, place: number): Promise<Worked> {
    const failures: string[] = [];
    while (!this.#stopped) {
      failures.push(...(await program.round().catch((err: Error) => [err.message])));
      this.#rounds[place]! += 1;
    }
    await program.end();
    return { rounds: this.#rounds[place]!, failures };
  }
}

/** No statement may wait longer than a second for a lock: it would fail. */
function impatient(url: string) {
  const pool = new pg.Pool({ connectionString: url, max: 2, options: '-c lock_timeout=1s' });
  return new Kysely<Database>({ dialect: new PostgresDialect({ pool }) });
}

function heartbeats(url: string, ids: readonly string[]): Program {
  const db = impatient(url);
  const { ledger } = oldAgent(db.withSchema('old'));
  return {
    async round() {
      const answers = [await ledger.heartbeat(ids[0]!), ...(await ledger.heartbeatMany(ids))];
      return answers
        .filter(({ outcome }) => outcome !== 'stamped')
        .map(
          (answer) => `heartbeat of ${answer.delegationId}: ${answer.outcome} ${'error' in answer ? answer.error : ''}`,
        );
    },
    end: () => db.destroy(),
  };
}

function lives(url: string, name: string): Program {
  const db = impatient(url);
  const { ledger } = oldAgent(db.withSchema('old'));
  let lived = 0;
  return {
    async round() {
      lived += 1;
      const delegationId = `${name}-${lived}`;
      const delegation = { delegationId, callerId: 'caller', calleeId: name, taskPreview: 'task' };
      const outcomes = [
        (await ledger.insert(delegation)).outcome,
        (await ledger.setStatus(delegationId, 'in_progress')).outcome,
        (await ledger.heartbeat(delegationId)).outcome,
        (await ledger.setStatus(delegationId, 'completed', { resultPreview: 'result' })).outcome,
        (await ledger.setStatus(delegationId, 'failed', { errorDetail: 'late' })).outcome,
      ];
      const expected = ['inserted', 'changed', 'stamped', 'changed', 'refused'];
      return outcomes.join() === expected.join() ? [] : [`life of ${delegationId}: ${outcomes.join()}`];
    },
    end: () => db.destroy(),
  };
}

function daemon(url: string): Program {
  const db = impatient(url);
  const { beat, sweeper } = oldDaemon(db.withSchema('old'));
  return {
    async round() {
      await beat.leave();
      const { poisoned } = await sweeper.sweep({ trigger: 'cron' });
      return poisoned === 0 ? [] : [`a sweep found ${poisoned} poisoned rows`];
    },
    end: () => db.destroy(),
  };
}
