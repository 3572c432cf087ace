import fc from 'fast-check';
import { type ClockWorld, STUCK_AFTER_MS } from './clock-world.ts';

const DAEMONS = 2;
const ROWS = 3;
/** A step of the clock that is not seen, of a second, in each direction. */
const TOLERATED_MS = 2_000;
/** True seconds by which the server's clock is ahead; shorter and longer than the threshold. */
const AHEAD_SECONDS = [0, 0, 90, 4_000, -4_000, -70, 30];

type Act =
  | { readonly act: 'pass' | 'set'; readonly seconds: number }
  | { readonly act: 'beat' | 'sweep' | 'restart'; readonly daemon: number }
  | { readonly act: 'heartbeat'; readonly row: number }
  | { readonly act: 'command' | 'refuse' };

const daemon = fc.nat({ max: DAEMONS - 1 });
const pass = fc.record({ act: fc.constant('pass' as const), seconds: fc.integer({ min: 1, max: 9 }) });
const set = fc.record({ act: fc.constant('set' as const), seconds: fc.constantFrom(...AHEAD_SECONDS) });
const watch = fc.record({ act: fc.constantFrom('beat' as const, 'sweep' as const), daemon });
const restart = fc.record({ act: fc.constant('restart' as const), daemon });
const heartbeat = fc.record({ act: fc.constant('heartbeat' as const), row: fc.nat({ max: ROWS - 1 }) });
const others = fc.record({ act: fc.constantFrom('command' as const, 'refuse' as const) });

/** What happens: `refuse`, from then on no jump of the clock can be recorded. */
export const acts: fc.Arbitrary<Act[]> = fc.array(
  fc.oneof(
    { weight: 2, arbitrary: pass },
    { weight: 3, arbitrary: set },
    { weight: 4, arbitrary: watch },
    { weight: 3, arbitrary: heartbeat },
    { weight: 1, arbitrary: restart },
    { weight: 1, arbitrary: others },
  ),
  { minLength: 10, maxLength: 40 },
);

/** What really happened to a delegation. */
interface Life {
  readonly id: string;
  heardAtMs: number;
  /** Stamped by a clock that no daemon has read: nobody can know of it. */
  isUnknown: boolean;
  isMarked: boolean;
}

/** @throws when a delegation is marked that was really heard within the threshold, or a silent one is not in the end. */
export async function simulate(world: ClockWorld, list: readonly Act[]): Promise<void> {
  await refuse(world, false);
  await world.begin(DAEMONS);
  const simulation = new Simulation(world);
  await simulation.begin();
  for (const act of list) {
    await simulation.apply(act);
    await simulation.check();
  }
  await refuse(world, false);
  await world.set(0);
  // The first of these sweeps also takes back what was stamped by a clock that was ahead and that nobody read.
  for (let threshold = 0; threshold < 3; threshold += 1) {
    await world.live(1.5 * STUCK_AFTER_MS);
    await world.daemons[0]!.sweep();
  }
  await simulation.checkAllMarked();
}

class Simulation {
  readonly #world: ClockWorld;
  #lives: Life[] = [];
  #aheadMs = 0;
  #setAtMs = 0;
  /** Whether a daemon has read the clock since it was last set. */
  #isRead = true;

  constructor(world: ClockWorld) {
    this.#world = world;
  }

  async begin(): Promise<void> {
    for (let count = 0; count < ROWS; count += 1) {
      const id = await this.#world.begun();
      this.#lives.push({ id, heardAtMs: this.#world.now(), isUnknown: false, isMarked: false });
    }
  }

  async apply(act: Act): Promise<void> {
    const world = this.#world;
    if ('seconds' in act) return act.act === 'pass' ? world.pass(act.seconds * 1000) : this.#set(act.seconds * 1000);
    if ('row' in act) return this.#heartbeat(this.#lives[act.row]!);
    if (!('daemon' in act)) return act.act === 'command' ? world.command() : refuse(world, true);
    const { beat, sweep } = world.daemons[act.daemon]!;
    if (act.act === 'beat') await unlessRefused(beat.leave());
    else if (act.act === 'sweep') await unlessRefused(sweep());
    else await unlessRefused(world.restart(act.daemon));
    this.#isRead = true;
  }

  async #set(aheadMs: number): Promise<void> {
    if (!this.#isRead) for (const life of this.#lives) life.isUnknown ||= life.heardAtMs >= this.#setAtMs;
    this.#isRead = false;
    this.#setAtMs = this.#world.now();
    this.#aheadMs = aheadMs;
    await this.#world.set(aheadMs);
  }

  async #heartbeat(life: Life): Promise<void> {
    if (life.isMarked) return;
    await this.#world.heartbeat(life.id);
    life.heardAtMs = this.#world.now();
    life.isUnknown = false;
  }

  async check(): Promise<void> {
    const stuck = await this.#world.stuck();
    for (const life of this.#lives.filter(({ id, isMarked }) => !isMarked && stuck.includes(id))) {
      life.isMarked = true;
      const silentMs = this.#world.now() - life.heardAtMs;
      if (life.isUnknown || silentMs >= STUCK_AFTER_MS - TOLERATED_MS) continue;
      throw new Error(`marked after ${Math.round(silentMs)} ms of true silence, the clock ${this.#aheadMs} ms ahead`);
    }
  }

  async checkAllMarked(): Promise<void> {
    await this.check();
    const left = this.#lives.filter(({ isMarked }) => !isMarked);
    if (left.length > 0) throw new Error(`${left.length} silent delegations were not found`);
  }
}

const REFUSAL = 'no jump is recorded';

async function refuse({ database }: ClockWorld, does: boolean): Promise<void> {
  await database.query('DROP TRIGGER IF EXISTS refuse ON sweeper_gaps');
  if (!does) return;
  await database.query(`CREATE OR REPLACE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN RAISE EXCEPTION '${REFUSAL}' USING ERRCODE = '53100'; END $$`);
  await database.query(`CREATE TRIGGER refuse BEFORE INSERT ON sweeper_gaps FOR EACH ROW
    WHEN (NEW.kind = 'clock_jump') EXECUTE FUNCTION refuse()`);
}

async function unlessRefused(work: Promise<unknown>): Promise<void> {
  await work.catch((err: unknown) => {
    if (!(err as Error).message.includes(REFUSAL)) throw err;
  });
}
