import { errorFields } from '../../log/error-fields.ts';
import type { EventLog } from '../../log/event-log.ts';
import type { Notices } from '../standing-faults/notices.ts';
import type { Poison } from './rule-sweep.ts';
import type { RuleName } from './rules.ts';

/** Known poisoned rows that a sweep leaves out of its batches. */
const KNOWN_MAX = 10_000;
/** Of these, how many it tries again, apart, at about two statements each. The ones said longest ago come first. */
const SUSPECTS_MAX = 1_000;

export interface KnownPoisons {
  readonly all: readonly string[];
  readonly suspects: readonly string[];
}

/** The rows whose update raises: said once an hour each, tried again by every sweep, forgotten once they are healed. */
export class PoisonRegister {
  readonly #log: EventLog;
  readonly #notices: Notices;

  constructor(log: EventLog, notices: Notices) {
    this.#log = log;
    this.#notices = notices;
  }

  async known(): Promise<KnownPoisons> {
    const all = await this.#notices.known('poisoned', KNOWN_MAX);
    return { all, suspects: all.slice(0, SUSPECTS_MAX) };
  }

  async report(sweepId: string, rule: RuleName, poisons: readonly Poison[]): Promise<void> {
    const errors = new Map(poisons.map(({ delegationId, err }) => [delegationId, err]));
    for (const delegationId of await this.#notices.due('poisoned', [...errors.keys()])) {
      this.#log.emit('sweep.poisoned', { sweepId, rule, delegationId, err: errorFields(errors.get(delegationId)) });
    }
  }

  /** Forgets the suspects that raised no more. */
  async forgetHealed({ suspects }: KnownPoisons, poisons: readonly Poison[]): Promise<void> {
    const poisoned = new Set(poisons.map(({ delegationId }) => delegationId));
    await this.#notices.forget(
      'poisoned',
      suspects.filter((id) => !poisoned.has(id)),
    );
  }
}
