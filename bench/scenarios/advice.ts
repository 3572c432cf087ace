import { Advisor } from '../../src/sweeper/advice/advisor.ts';
import { FOLLOWED_MAX } from '../../src/sweeper/advice/sample.ts';
import { sampleStatement } from '../../src/sweeper/advice/statements/sample.ts';
import { sweeperTables } from '../../src/sweeper/tables.ts';
import type { Bench } from '../bench.ts';
import { BufferMeter } from '../buffers.ts';
import { insertFinished, insertFleet, settle } from '../data.ts';
import { type Findings, medianFigure } from '../figure.ts';
import type { LedgerDatabase } from '../ledger-database.ts';

const READINGS = 7;
const CALLEES = 1000;
const DAYS = 30;
const DAEMON = 'daemon';

/** What the advice costs: the daemon a reading, with as many delegations as it follows at most, and who asks for the advice. */
export async function adviceScenario({ template, quick }: Bench): Promise<Findings> {
  const rows = quick ? 100_000 : 1_000_000;
  await using database = await template.copy();
  await insertFinished(database, rows - rows / 10);
  await insertFleet(database, { rows: rows / 10, silentFromSeconds: 0, silentToSeconds: 10 });
  await insertActivity(database);
  await insertEvidence(database);
  await settle(database);
  const ids = await database.query<{ id: string }>(
    `SELECT delegation_id AS id FROM delegations WHERE status = 'in_progress' ORDER BY hashtext(delegation_id) LIMIT $1`,
    [FOLLOWED_MAX],
  );
  const meter = new BufferMeter(database.url);
  const sample = sampleStatement(sweeperTables(meter.db));
  const values = { daemonId: DAEMON, after: 0, ids: ids.map(({ id }) => id), stampsUs: ids.map(() => 0) };
  const [reading, advice] = [new Cost(), new Cost()];
  const advisor = new Advisor(meter.db, { stuckAfterMs: 600_000 });
  for (let i = 0; i < READINGS; i += 1) {
    reading.add(await meter.measure(() => sample.run(meter.db, values)), meter);
    advice.add(await meter.measure(() => advisor.advice()), meter);
  }
  await meter.db.destroy();
  const size = `${rows / 1000}k rows`;
  return {
    figures: [
      medianFigure(`a reading of the sample, ${FOLLOWED_MAX} followed, ${size}`, 'buffers', reading.buffers, {
        limit: { atMost: 8_000 },
      }),
      medianFigure('the same: execution time', 'ms', reading.ms),
      medianFigure(`advice on ${CALLEES} callees, ${DAYS} days`, 'buffers', advice.buffers, {
        limit: { atMost: 40_000 },
      }),
      medianFigure('the same: execution time of all its statements', 'ms', advice.ms),
    ],
  };
}

class Cost {
  readonly buffers: number[] = [];
  readonly ms: number[] = [];

  add(buffers: number, { statements }: BufferMeter): void {
    this.buffers.push(buffers);
    this.ms.push(statements.reduce((sum, { ms }) => sum + ms, 0));
  }
}

/** The entries of a part of the fleet, and the beat of a daemon that samples. */
async function insertActivity(database: LedgerDatabase): Promise<void> {
  await database.query(`
    INSERT INTO activity_logs (delegation_id, event, to_status, actor)
    SELECT delegation_id, 'delegation.in_progress', 'in_progress', 'bench' FROM delegations
    WHERE status = 'in_progress' ORDER BY hashtext(delegation_id) LIMIT 10000`);
  await database.query(
    `INSERT INTO sweeper_daemons (daemon_id, stuck_after_ms, beat_at) VALUES ($1, 600000, clock_timestamp() + interval '1 hour')`,
    [DAEMON],
  );
}

async function insertEvidence(database: LedgerDatabase): Promise<void> {
  await database.query(
    `INSERT INTO sweeper_advice (day, callee_id, started, sampled, gaps, longest, detected)
     SELECT (clock_timestamp() AT TIME ZONE 'UTC')::date - day, 'callee-' || callee, 1000, 200, h, h, h
     FROM generate_series(0, $1::int - 1) day, generate_series(1, $2::int) callee,
       (SELECT jsonb_object_agg(bucket::text, bucket) AS h FROM generate_series(190, 230) bucket) histogram`,
    [DAYS, CALLEES],
  );
}
