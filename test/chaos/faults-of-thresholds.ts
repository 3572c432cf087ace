import { closeSync, openSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { waitFor } from '../support/wait-for.ts';
import { writeDiary } from './diary.ts';
import {
  allEnded,
  busyAgent,
  type Chaos,
  type Fault,
  FOUND_WITHIN_MS,
  inProgressOf,
  killed,
  LONGER_THAN_THRESHOLD_MS,
} from './fault.ts';
import { DAEMONS, STUCK_AFTER_MS } from './fleet.ts';
import { openMemberDatabase } from './member-database.ts';

const LOWER_MS = 3_000;
const HIGHER_MS = 8_000;

/** Thresholds that change while agents work. */
export const faultsOfThresholds: readonly Fault[] = [
  {
    name: 'STUCK_AFTER lowered and raised again, the daemons restarted one by one (SIGTERM)',
    inject: (chaos) => throughThresholds(chaos, [LOWER_MS, STUCK_AFTER_MS]),
  },
  {
    name: 'STUCK_AFTER raised and lowered again, the daemons restarted one by one (SIGTERM)',
    inject: (chaos) => throughThresholds(chaos, [HIGHER_MS, STUCK_AFTER_MS]),
  },
  {
    name: 'thresholds of their own lowered, raised and taken from all in progress (adjust)',
    async inject(chaos) {
      const { random } = chaos;
      for (const own of [() => random.between(2_000, 4_000), () => random.between(6_000, 12_000), () => null]) {
        await adjustAll(chaos, own);
        await sleep(random.between(500, LONGER_THAN_THRESHOLD_MS / 2));
      }
    },
  },
];

async function throughThresholds(chaos: Chaos, thresholdsMs: readonly number[]): Promise<void> {
  const { fleet, history, random } = chaos;
  for (const stuckAfterMs of thresholdsMs) {
    fleet.stuckAfterMs = stuckAfterMs;
    await history.thresholds.during(stuckAfterMs, async () => {
      for (const name of random.shuffled(DAEMONS)) await fleet.restartDaemon(name);
      await inForce(chaos, stuckAfterMs);
    });
    if (stuckAfterMs === STUCK_AFTER_MS) return;
    const agent = await busyAgent(chaos);
    if (random.chance(0.5)) {
      await killed(chaos, agent);
      await allEnded(chaos, await inProgressOf(chaos, agent));
    } else await sleep(random.between(500, LONGER_THAN_THRESHOLD_MS));
  }
}

async function inForce({ fleet }: Chaos, stuckAfterMs: number): Promise<void> {
  const find = () => fleet.query<{ ms: string }>('SELECT stuck_after_ms AS ms FROM sweeper_threshold').catch(() => []);
  await waitFor('the threshold to be in force', async () => Number((await find())[0]?.ms) === stuckAfterMs, {
    timeoutMs: FOUND_WITHIN_MS,
  });
}

/** As an operator would, one after the other. */
async function adjustAll({ fleet }: Chaos, ownMs: () => number | null): Promise<void> {
  const { db, ledger } = openMemberDatabase({ url: fleet.controlUrl, max: 1, stuckAfterMs: STUCK_AFTER_MS });
  const diary = openSync(fleet.controlDiary, 'a');
  try {
    const open = await fleet.query<{ id: string }>(
      `SELECT delegation_id AS id FROM delegations WHERE status = 'in_progress'`,
    );
    for (const { id } of open) {
      const ms = ownMs();
      const stuckAfterMs = ms === null ? null : Math.round(ms);
      const askedAt = Date.now();
      const { outcome } = await ledger.adjust(id, { stuckAfterMs });
      writeDiary(diary, { did: 'adjust', id, stuckAfterMs, askedAt, answeredAt: Date.now(), outcome });
    }
  } finally {
    closeSync(diary);
    await db.destroy();
  }
}
