import { statement } from '../../src/db/statement.ts';
import { Beat } from '../../src/sweeper/observed-time/beat.ts';
import type { Bench } from '../bench.ts';
import { BufferMeter } from '../buffers.ts';
import { insertFleet, settle } from '../data.ts';
import type { Findings } from '../figure.ts';
import { idsInProgress, ledgerOf } from '../heartbeating.ts';

/** An hour of one daemon's beats, each a new version of the daemons' row. */
const BEATS = 360;
const STUCK_AFTER_MS = 600_000;
const HEARTBEATS = 200;
const beatsRow = statement({ sql: 'SELECT stuck_after_ms FROM public.sweeper_state WHERE singleton' });

/**
 * A debounced heartbeat, the most frequent call of all, while an old snapshot keeps every version of the row that each
 * beat updates. Its threshold is in a separate row, which changes only when the threshold does; read from the
 * beats' row, as in 0.1.0, each heartbeat would have to read all of those versions.
 */
export async function heartbeatSnapshotScenario({ template, quick }: Bench): Promise<Findings> {
  await using database = await template.copy();
  await insertFleet(database, { rows: 1_000, silentFromSeconds: 0, silentToSeconds: 0 });
  await settle(database);
  const ids = (await idsInProgress(database)).slice(0, HEARTBEATS);
  const beat = new Beat(database.db, { emit() {} }, STUCK_AFTER_MS);
  await beat.leave();
  const ours = () => buffersOf(database.url, ids);
  const before = await ours();
  const snapshot = await database.pool.connect();
  try {
    await snapshot.query('BEGIN ISOLATION LEVEL REPEATABLE READ');
    await snapshot.query('SELECT count(*) FROM sweeper_state');
    for (let left = 0; left < (quick ? BEATS / 4 : BEATS); left += 1) await beat.leave();
    const held = await ours();
    const naive = await buffersOfBeatsRow(database.url);
    return {
      figures: [
        { what: 'fresh heartbeat', unit: 'buffers', value: before },
        { what: 'fresh heartbeat, an old snapshot open during an hour of beats', unit: 'buffers', value: held },
        {
          what: 'the same / without the snapshot',
          unit: 'x',
          value: held / before,
          limit: { atMost: 1.5 },
        },
        { what: "reading the beats' row then, as 0.1.0 did for each heartbeat", unit: 'buffers', value: naive },
      ],
    };
  } finally {
    await snapshot.query('ROLLBACK');
    snapshot.release();
  }
}

/** Average of one debounced heartbeat. */
async function buffersOf(url: string, ids: readonly string[]): Promise<number> {
  const meter = new BufferMeter(url);
  try {
    const ledger = ledgerOf(meter.db, STUCK_AFTER_MS);
    const all = async () => {
      for (const id of ids) await ledger.heartbeat(id);
    };
    await all();
    return (await meter.measure(all)) / ids.length;
  } finally {
    await meter.db.destroy();
  }
}

async function buffersOfBeatsRow(url: string): Promise<number> {
  const meter = new BufferMeter(url);
  try {
    return await meter.measure(() => beatsRow.run(meter.db, {}));
  } finally {
    await meter.db.destroy();
  }
}
