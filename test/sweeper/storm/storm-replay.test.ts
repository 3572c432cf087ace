import { expect, test } from '@jest/globals';
import { testSweeper } from '../../support/fixtures.ts';
import { useDatabase } from '../../support/use-database.ts';
import { type Agent, type AgentShape, agent, simulate } from './simulated-fleet.ts';

const database = useDatabase({ per: 'test', replayed: false });
/** Half a minute off, so that no answer depends on the time between a shift of the instants and its sweep. */
const options = { minStale: 20, ratio: 0.5, maxHoldMs: 1_770_000 };
const MINUTE = 60;
const START = 15 * MINUTE;
const UNTIL = START + 45 * MINUTE;

const fleet = (size: number, shape: (i: number) => Partial<AgentShape>) =>
  Array.from({ length: size }, (_, i) =>
    agent({ callee: `agent-${i}`, place: (i + 0.5) / size, until: UNTIL, gap: () => MINUTE, ...shape(i) }),
  );
const cutOff = (minutes: number) => ({
  outage: { from: START, until: START + minutes * MINUTE, backOver: 5 * MINUTE },
});

async function seed(agents: readonly Agent[]): Promise<void> {
  await database.query(
    `INSERT INTO delegations (delegation_id, caller_id, callee_id, task_preview, status, deadline, revision)
     SELECT callee, 'caller', callee, 'task', 'in_progress', clock_timestamp() + interval '10 hours', 1
     FROM unnest($1::text[]) callee`,
    [agents.map(({ callee }) => callee)],
  );
}

/** Moves every compared instant back so that a minute has passed since the last call, by the database's clock. */
async function passMinute(): Promise<void> {
  const columns = [
    'forming_since',
    'held_since',
    'released_at',
    'partial_since',
    'came_back_at',
    'watched_before',
    'watched_at',
  ];
  const back = (column: string) => `${column} = ${column} - by.missing`;
  await database.query(
    `WITH by AS (SELECT interval '1 minute' - (clock_timestamp() - beat_at) AS missing FROM sweeper_state),
     rows AS (UPDATE delegations SET ${['last_heartbeat', 'deadline'].map(back).join(', ')} FROM by WHERE status = 'in_progress')
     UPDATE sweeper_state SET beat_at = clock_timestamp(), ${columns.map((name) => back(`storm_${name}`)).join(', ')} FROM by`,
  );
}

/** Writes the agents' heartbeats up to this second. Delegations that are no longer in progress are not changed. */
async function hear(agents: readonly Agent[], at: number): Promise<void> {
  const silent = agents.map(({ heard }) => at - heard.findLast((second) => second <= at)!);
  await database.query(
    `UPDATE delegations d SET last_heartbeat = s.beat_at - silent * interval '1 second'
     FROM unnest($1::text[], $2::float8[]) a (callee, silent), sweeper_state s
     WHERE d.callee_id = a.callee AND d.status = 'in_progress'`,
    [agents.map(({ callee }) => callee), silent],
  );
}

/** How many each family has marked in the end; null: as many as the simulation. */
const families: Array<[string, Agent[], number | null]> = [
  ['100 of 100 for 15 minutes, back over 5', fleet(100, () => cutOff(15)), 0],
  ['100 of 100 for 7 minutes, back over 5', fleet(100, () => cutOff(7)), 0],
  ['60 of 100 for 12 minutes, back over 5', fleet(100, (i) => (i < 60 ? cutOff(12) : {})), 0],
  ['30 of 60 dead', fleet(60, (i) => (i < 30 ? { diesAt: START } : {})), 30],
  // None returns: which rows of one bucket are marked first depends on the index, and does not matter here.
  ['100 of 100 for longer than STORM_MAX_HOLD', fleet(100, () => cutOff(60)), null],
];
const cases = families.flatMap(([name, agents, stuck]) =>
  [0, 13, 31, 47].map((phase): [string, number, Agent[], number | null] => [name, phase, agents, stuck]),
);

// The simulated guard stands for the one in SQL only while each of their sweeps does the same.
test.each(cases)(
  '%s, swept %d s past the minute: as simulated, sweep by sweep',
  async (_name, phase, agents, stuck) => {
    const expected = simulate({ agents, options, stuckAfterMs: 600_000, phase, until: UNTIL }).sweeps;
    const { sweeper } = testSweeper(database.db, { storm: options });
    await seed(agents);
    await database.query('UPDATE sweeper_state SET beat_at = clock_timestamp()');
    const real: { held: boolean; marked: number }[] = [];
    for (const [index] of expected.entries()) {
      if (index > 0) await passMinute();
      await hear(agents, phase + index * MINUTE);
      const { held, stuck: marked } = await sweeper.sweep({ trigger: 'cron' });
      real.push({ held, marked });
    }
    expect(real).toEqual(expected.map(({ action, marked }) => ({ held: action === 'hold', marked })));
    expect(real.some(({ held }) => held)).toBe(true);
    const total = real.reduce((sum, { marked }) => sum + marked, 0);
    if (stuck !== null) expect(total).toBe(stuck);
  },
);
