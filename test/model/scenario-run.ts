import { isDeepStrictEqual } from 'node:util';
import type { SweepSummary } from '../../src/sweeper/summary.ts';
import { expected, pictured, ruleOf } from './comparison.ts';
import { TICK_MS } from './face.ts';
import { Interleaver } from './interleaver.ts';
import { brokenInvariants, type Told } from './invariants.ts';
import { type Done, linearise, type Mark } from './linearisation.ts';
import type { Concurrent, Id, Lone, Operation, Scenario, Step, Sweep, Turn } from './operation.ts';
import * as reference from './reference.ts';
import { emptyLedger, type Ledger } from './reference-ledger.ts';
import type { Rule, RulePlan, SweepBounds } from './reference-sweep.ts';
import type { Way } from './regressions.ts';
import { type Picture, ticksOf, type World } from './world.ts';

/** What the model did not expect. fast-check prints the shrunk scenario. */
export class Disagreement extends Error {
  override readonly name = 'Disagreement';
}

/** Runs a scenario on the real ledger and on the model, and throws a Disagreement at the first step that differs. */
export class ScenarioRun {
  readonly #world: World;
  readonly #bounds: SweepBounds;
  readonly #way: Way;
  readonly #endsSwept: boolean;
  #ledger: Ledger = emptyLedger;
  #picture: Picture = { rows: {}, activities: {}, gapsAgo: [], holdUntilAgo: null, toldMs: null };

  constructor(world: World, bounds: SweepBounds, way: Way, endsSwept = bounds.stormRatio === 0) {
    this.#endsSwept = endsSwept;
    this.#world = world;
    this.#bounds = bounds;
    this.#way = way;
  }

  async play(scenario: Scenario): Promise<void> {
    await this.begin(scenario);
    for (const step of scenario.steps) await this.step(step);
    await this.end();
  }

  async begin({ start, callees, firstSilence, ownTicks = [] }: Scenario): Promise<void> {
    await this.#world.reset();
    for (const operation of openings(start, callees, ownTicks)) await this.#alone(0, operation);
    if (firstSilence > 0) await this.#alone(0, { op: 'advance', ticks: firstSilence, observed: true });
  }

  /** The next sweep finds whatever a group's sweeps left. */
  async end(): Promise<void> {
    if (this.#endsSwept) await this.#alone(0, { op: 'sweep', force: false });
  }

  /** Nothing has happened to this ledger since its last step. */
  async isUntouched(): Promise<void> {
    mustEqual('the ledger that nobody touched', pictured(await this.#world.look()), pictured(this.#picture));
  }

  step(step: Step): Promise<void> {
    return step.step === 'alone'
      ? this.#alone(step.session, step.operation)
      : this.#together(step.sessions, step.picks);
  }

  async #alone(session: number, operation: Operation): Promise<void> {
    if (operation.op === 'advance' || operation.op === 'restart') return this.#lone(operation);
    const result = await this.#world.run(session, operation);
    const before = this.#picture;
    await this.#see([{ operation, result }]);
    const said =
      operation.op === 'sweep' ? this.#swept(operation, result as SweepSummary, before) : this.#did(operation);
    if (operation.op !== 'beat') mustEqual(`the answer to ${operation.op}`, answerOf(operation, result), said);
    mustEqual('the ledger', pictured(this.#picture), expected(this.#ledger));
  }

  async #lone(operation: Lone): Promise<void> {
    if (operation.op === 'restart') {
      await this.#world.restart(operation.ticks);
      this.#ledger = reference.restart(this.#ledger, operation);
    } else {
      const { ticks, observed } = operation;
      if (observed) await this.#world.run(0, { op: 'beat' });
      await this.#world.passTime(ticks, observed);
      this.#ledger = reference.advance(this.#ledger, operation);
    }
    this.#picture = await this.#world.look();
    mustEqual('the ledger', pictured(this.#picture), expected(this.#ledger));
  }

  async #together(sessions: readonly (readonly Turn[])[], picks: readonly number[]): Promise<void> {
    const before = this.#picture;
    const told: Told[][] = sessions.map(() => []);
    const works = sessions.map((turns, session) => async () => {
      for (const turn of turns) {
        told[session]!.push({ operation: turn.operation, result: await this.#world.runTurn(session, turn) });
      }
    });
    if (this.#way === 'interleaved') {
      const interleaver = new Interleaver(picks);
      this.#world.gate = interleaver.gate;
      await interleaver.run(works).finally(() => {
        this.#world.gate = undefined;
      });
    } else {
      await Promise.all(works.map((work) => work()));
    }
    await this.#see(told.flat());
    const done: Done[][] = told.map((list) => list.map((one) => ({ ...one, marks: this.#marksOf(one, before) })));
    const after = linearise(this.#ledger, done, pictured(this.#picture), this.#bounds.retriesMax);
    if (after === null) {
      const story = JSON.stringify({
        before: JSON.parse(expected(this.#ledger)),
        told,
        after: JSON.parse(pictured(this.#picture)),
      });
      throw new Disagreement(`no order of these operations explains what came of them: ${story}`);
    }
    this.#ledger = after;
  }

  async #see(told: readonly Told[]): Promise<void> {
    const before = this.#picture;
    this.#picture = await this.#world.look();
    const broken = brokenInvariants(this.#picture, before, told, this.#bounds.retriesMax);
    if (broken.length > 0) throw new Disagreement(`broken: ${broken.join('; ')}`);
  }

  /** Applies to the model; returns the answer it gives. */
  #did(operation: Exclude<Concurrent, Sweep>): unknown {
    if (operation.op === 'beat') {
      this.#ledger = reference.beat(this.#ledger);
      return undefined;
    }
    if (operation.op === 'heartbeat') {
      const answer = reference.heartbeat(this.#ledger, operation);
      this.#ledger = answer.ledger;
      return paced(answer);
    }
    if (operation.op === 'heartbeatMany') {
      const { ledger, answers } = reference.heartbeatMany(this.#ledger, operation);
      this.#ledger = ledger;
      return answers.map(paced);
    }
    const { ledger, result } = reference.apply(this.#ledger, operation);
    this.#ledger = ledger;
    return result;
  }

  #swept({ force }: Sweep, summary: SweepSummary, before: Picture): unknown {
    const marks = this.#marksOf({ operation: { op: 'sweep', force }, result: summary }, before);
    const { batchRowsMax, rowsMax } = this.#bounds;
    const known = reference.entries(this.#ledger).length;
    const unobserved = reference.unobservedTicks(this.#ledger);
    const back = reference.cameBack(this.#ledger);
    const overdue = reference.overduePlan(this.#ledger, this.#bounds);
    this.#mark(overdue, 'overdue', marks, force);
    const stale = reference.stalePlan(this.#ledger, this.#bounds, force, back);
    this.#ledger = stale.ledger;
    this.#mark(stale, 'stale', marks, force);
    this.#ledger = reference.watchesLeft(this.#ledger);
    const stalled = this.#bounds.stormRatio === 0 ? reference.stalledPlan(this.#ledger, this.#bounds, force) : nothing;
    this.#mark(stalled, 'stalled', marks, force);
    const left = [overdue, stale, stalled].map(({ candidates, take }) => candidates.length - take);
    return {
      stuck: stale.take + stalled.take,
      failed: overdue.take,
      retried: reference.entries(this.#ledger).length - known,
      poisoned: 0,
      remaining: left.reduce((sum, rows) => sum + rows, 0),
      truncated: (left[0]! > 0 && overdue.take === rowsMax) || (left[1]! > 0 && !stale.held),
      held: stale.held,
      batches: [overdue.take, ...byKind(stale), stalled.take].reduce(
        (sum, rows) => sum + Math.ceil(rows / batchRowsMax),
        0,
      ),
      unobserved,
    };
  }

  /** The rows that were marked must be the plan's, the oldest ones. */
  #mark({ candidates, take }: RulePlan, rule: Rule, marks: readonly Mark[], force: boolean): void {
    const taken = new Set(marks.filter((mark) => mark.rule === rule).map(({ id }) => id));
    const ages = (of: 'taken' | 'left') =>
      candidates.filter(({ id }) => taken.has(id) === (of === 'taken')).map(({ at }) => at);
    const isOldest = Math.max(...ages('taken')) <= Math.min(...ages('left'));
    if (taken.size !== take || ages('taken').length !== take || (take < candidates.length && !isOldest)) {
      throw new Disagreement(`${rule}: marked ${[...taken]}, expected ${take} of ${JSON.stringify(candidates)}`);
    }
    const { retriesMax } = this.#bounds;
    for (const id of taken) this.#ledger = reference.mark(this.#ledger, id, rule, force, retriesMax)!;
  }

  /** What a sweep marked, from the activity. */
  #marksOf({ operation, result }: Told, before: Picture): Mark[] {
    if (operation.op !== 'sweep') return [];
    const { sweepId, stuck, failed } = result as SweepSummary;
    const marks = Object.entries(this.#picture.activities).flatMap(([id, activities]) =>
      activities
        .slice(before.activities[id]?.length ?? 0)
        .filter(({ detail }) => detail.sweepId === sweepId)
        .map((activity): Mark => ({ id: id as Id, rule: ruleOf(activity)! })),
    );
    const count = (...rules: Rule[]) => marks.filter(({ rule }) => rules.includes(rule)).length;
    mustEqual(
      'the sweep says what it marked',
      { stuck, failed },
      { stuck: count('stale', 'stalled'), failed: count('overdue') },
    );
    return marks;
  }
}

function openings(start: Scenario['start'], callees: number, own: NonNullable<Scenario['ownTicks']>): Concurrent[] {
  return start.flatMap((status, index): Concurrent[] => {
    const id: Id = `d${index}`;
    if (status === null) return [];
    const insert: Concurrent = {
      op: 'insert',
      id,
      caller: 'caller-0',
      callee: `callee-${index % callees}`,
      key: `key-${index}`,
      // Some overdue after the first silence, most not.
      deadlineTicks: index === 3 ? 11 : 60,
      ownTicks: own[index] ?? null,
      stalledTicks: null,
    };
    return status === 'queued' ? [insert] : [insert, { op: 'setStatus', id, to: status, text: null, body: null }];
  });
}

/** A rule that finds nothing. */
const nothing: RulePlan = { candidates: [], take: 0 };

/** Rows that are taken of each kind: those with limits of their own come first, and have batches of their own. */
function byKind({ candidates, take }: RulePlan): [number, number] {
  const special = Math.min(take, candidates.filter(({ isSpecial }) => isSpecial).length);
  return [special, take - special];
}

/** What a heartbeat answers: with the threshold by which the agent paces itself. */
function paced({ result, paceTicks }: ReturnType<typeof reference.heartbeat>): object {
  return paceTicks === null ? result : { ...result, stuckAfterMs: paceTicks * TICK_MS };
}

function answerOf(operation: Concurrent, result: unknown): unknown {
  if (operation.op !== 'sweep') return result;
  const { unobservedMs, ...summary } = result as SweepSummary;
  const { stuck, failed, retried, poisoned, remaining, truncated, held, batches } = summary;
  return { stuck, failed, retried, poisoned, remaining, truncated, held, batches, unobserved: ticksOf(unobservedMs) };
}

function mustEqual(what: string, real: unknown, model: unknown): void {
  if (isDeepStrictEqual(real, model)) return;
  const show = (value: unknown) => (typeof value === 'string' ? value : JSON.stringify(value));
  throw new Disagreement(`${what} differs\nreal:  ${show(real)}\nmodel: ${show(model)}`);
}
