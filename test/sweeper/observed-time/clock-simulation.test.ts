import { afterAll, beforeAll, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { ClockWorld, STUCK_AFTER_MS } from './clock-world.ts';

const RUNS = 25;
const DAEMONS = 2;
const ROWS = 3;
/** What a step of the clock that is too small to be seen may hide, each second. */
const TOLERATED_MS = 2_000;

const undo = new AsyncDisposableStack();
let world: ClockWorld;
beforeAll(async () => {
  world = await ClockWorld.start(undo);
});
afterAll(() => undo.disposeAsync());

type Act =
  | { readonly act: 'pass' | 'set'; readonly seconds: number }
  | { readonly act: 'beat' | 'sweep' | 'restart'; readonly daemon: number }
  | { readonly act: 'heartbeat'; readonly row: number }
  | { readonly act: 'command' | 'refuse' };

const daemon = fc.nat({ max: DAEMONS - 1 });
const row = fc.nat({ max: ROWS - 1 });
const acts: fc.Arbitrary<Act[]> = fc.array(
  fc.oneof(
    fc.record({ act: fc.constant('pass' as const), seconds: fc.integer({ min: 1, max: 9 }) }),
    {
      weight: 2,
      arbitrary: fc.record({
        act: fc.constant('set' as const),
        seconds: fc.constantFrom(0, 0, 90, 4_000, -4_000, -70),
      }),
    },
    { weight: 3, arbitrary: fc.record({ act: fc.constantFrom('beat' as const, 'sweep' as const), daemon }) },
    { weight: 3, arbitrary: fc.record({ act: fc.constant('heartbeat' as const), row }) },
    fc.record({ act: fc.constant('restart' as const), daemon }),
    fc.record({ act: fc.constantFrom('command' as const, 'refuse' as const) }),
  ),
  { minLength: 10, maxLength: 40 },
);

/** What really happened to a delegation. */
interface Life {
  readonly id: string;
  heardAtMs: number;
  /** Stamped by a clock that no daemon saw, and that was not behind afterwards: nobody can know. */
  isUnseen: boolean;
}

/** Applies the acts, and says at each point which delegations were really heard within their threshold. */
class Simulation {
  readonly #lives: Life[] = [];
  #aheadMs = 0;
  /** Whether a daemon has read the clock since it was last set, and what it showed when one last did. */
  #isSeen = true;
  #seenAheadMs = 0;

  async run(list: readonly Act[]): Promise<void> {
    await world.begin(DAEMONS);
    for (let count = 0; count < ROWS; count += 1) {
      this.#lives.push({ id: await world.begun(), heardAtMs: world.now(), isUnseen: false });
    }
    for (const act of list) {
      await this.#apply(act);
      await this.#check();
    }
    await refuse(false);
    await world.set(0);
    for (const { beat } of world.daemons) await beat.leave();
    await world.live(3 * STUCK_AFTER_MS);
    await world.daemons[0]!.sweep();
    // Whoever is silent in the end is found.
    expect((await world.stuck()).toSorted()).toEqual(this.#lives.map(({ id }) => id).toSorted());
  }

  async #apply(act: Act): Promise<void> {
    if (act.act === 'pass') await world.pass(act.seconds * 1000);
    else if (act.act === 'set') await this.#set(act.seconds * 1000);
    else if (act.act === 'heartbeat') await this.#heartbeat(this.#lives[act.row]!);
    else if (act.act === 'command') await world.command();
    else if (act.act === 'refuse') await refuse(true);
    else {
      if (act.act === 'beat') await world.daemons[act.daemon]!.beat.leave().catch(onlyRefused);
      if (act.act === 'sweep') await world.daemons[act.daemon]!.sweep().catch(onlyRefused);
      if (act.act === 'restart') await world.restart(act.daemon).catch(onlyRefused);
      this.#isSeen = true;
      this.#seenAheadMs = this.#aheadMs;
    }
  }

  async #set(aheadMs: number): Promise<void> {
    if (!this.#isSeen) {
      // Seen only if the clock is behind what a daemon last saw, when one looks again.
      for (const life of this.#lives)
        life.isUnseen ||= life.heardAtMs >= this.#setAtMs && aheadMs >= this.#seenAheadMs - 60_000;
    }
    this.#isSeen = aheadMs === this.#seenAheadMs;
    this.#setAtMs = world.now();
    this.#aheadMs = aheadMs;
    await world.set(aheadMs);
  }
  #setAtMs = 0;

  async #heartbeat(life: Life): Promise<void> {
    if ((await world.stuck()).includes(life.id)) return;
    await world.heartbeat(life.id);
    life.heardAtMs = world.now();
    life.isUnseen = false;
  }

  async #check(): Promise<void> {
    const stuck = await world.stuck();
    const falsely = this.#lives.filter(
      ({ id, heardAtMs, isUnseen }) =>
        stuck.includes(id) &&
        !isUnseen &&
        !this.#marked.has(id) &&
        world.now() - heardAtMs < STUCK_AFTER_MS - TOLERATED_MS,
    );
    for (const id of stuck) this.#marked.add(id);
    expect(falsely).toEqual([]);
  }
  readonly #marked = new Set<string>();
}

const REFUSAL = 'no gap is recorded';

/** Whether daemons can record a jump. */
async function refuse(does: boolean): Promise<void> {
  await world.database.query('DROP TRIGGER IF EXISTS refuse ON sweeper_gaps');
  if (!does) return;
  await world.database.query(`CREATE OR REPLACE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN RAISE EXCEPTION '${REFUSAL}' USING ERRCODE = '53100'; END $$`);
  await world.database.query(`CREATE TRIGGER refuse BEFORE INSERT ON sweeper_gaps FOR EACH ROW
    WHEN (NEW.kind = 'clock_jump') EXECUTE FUNCTION refuse()`);
}

function onlyRefused(err: unknown): void {
  if (!(err as Error).message.includes(REFUSAL)) throw err;
}

test(`no delegation that is heard within its threshold is ever marked, and every silent one is in the end, however the clock is set (${RUNS} runs)`, async () => {
  await fc.assert(
    fc.asyncProperty(acts, async (list) => {
      await refuse(false);
      await new Simulation().run(list);
    }),
    { numRuns: RUNS, endOnFailure: true },
  );
});
