import type { LedgerDb } from '../../db/schema.ts';
import type { EventLog } from '../../log/event-log.ts';
import { Repeats } from '../../log/repeats.ts';
import type { Micros } from '../instant.ts';
import { infersSilence, type Rule, rules } from '../pass/rules.ts';
import type { Run } from '../sweep-run.ts';
import type { SweeperTables } from '../tables.ts';
import type { Staleness } from '../threshold/staleness.ts';
import { Answers } from './answers.ts';
import { AskedRule } from './asked-rule.ts';
import { type Choose, SuspectChoice } from './suspect-choice.ts';
import type { ProbeOptions } from './suspect-probe.ts';

/** How often it is logged that suspects are left. */
const LEFT_EVERY_MS = 60_000;

/** The asking of one sweep. */
export interface SweepProbes {
  /** Asks for as many of a rule's suspects as are allowed; the answers come later. @throws the database's error. */
  begin(scans: readonly Rule[], staleness: Staleness, rowsMax: number): Promise<AskedRule>;
  /** These were marked. */
  marked(ids: readonly string[]): void;
  /** Every rule has had its turn. */
  close(): void;
}

/**
 * Asks the agents of suspects for their tasks before the suspects are marked. An A2A task is never marked without that:
 * what is left because of A2A_PROBE_MAX waits for the next sweep, the oldest first, and a daemon sweeps again a second
 * later as long as some are left. One that was asked and could neither be helped nor marked (its row is locked) is asked
 * again only after the others.
 */
export class Probing {
  readonly #log: EventLog;
  readonly #answers: Answers;
  readonly #choice: SuspectChoice;
  readonly #leftLogged = new Repeats(LEFT_EVERY_MS);
  #hasLeft = false;

  constructor(db: LedgerDb, tables: SweeperTables, log: EventLog, options: ProbeOptions) {
    this.#log = log;
    this.#answers = new Answers(db, tables, log, rules.filter(infersSilence), options);
    this.#choice = new SuspectChoice(db, tables, options);
  }

  /** The last sweep of this process left suspects that it was not allowed to ask. */
  get hasLeft(): boolean {
    return this.#hasLeft;
  }

  open(run: Run): SweepProbes {
    // A sweep between the ticks tries no row again that is known to raise.
    const { trigger, force = false } = run.request;
    const choosing = this.#choice.choosing(run.judgement.nowUs, trigger === 'due' ? 'sparing' : 'all', force);
    const effectless = new Set<string>();
    let [asks, left, isCutShort] = [0, 0, false];
    return {
      begin: async (scans, staleness, rowsMax) => {
        const chosen = await choosing(scans, staleness, rowsMax);
        asks += chosen.asked.length;
        left += chosen.left.length;
        isCutShort ||= chosen.isCutShort;
        for (const { delegationId } of chosen.asked) effectless.add(delegationId);
        const asked = new AskedRule(chosen);
        asked.answered = this.#answers.ask(run, chosen.asked, staleness, asked, (id) => effectless.delete(id));
        return asked;
      },
      marked: (ids) => {
        for (const id of ids) effectless.delete(id);
      },
      close: () => {
        this.#hasLeft = isCutShort;
        this.#choice.passOver(effectless);
        if (!isCutShort || !this.#leftLogged.claim('left')) return;
        this.#log.emit('sweep.probes_left', { sweepId: run.sweepId, asked: asks, left });
      },
    };
  }

  /** What a sweep would choose now. It asks nobody. */
  rehearse(nowUs: Micros, force: boolean): Choose {
    return this.#choice.choosing(nowUs, 'sparing', force);
  }
}
