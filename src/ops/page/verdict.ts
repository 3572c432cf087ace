import { errorFields } from '../../log/error-fields.ts';
import type { Status } from '../../sweeper/status/status.ts';
import { clock, duration, instant, since } from './format.ts';

/** The page's first line: whether anything is wrong. */
export interface Verdict {
  readonly tone: 'good' | 'warn' | 'bad';
  readonly title: string;
  readonly detail: string;
}

export function verdictOf({ now, sweptAt, dueSince, storm, hold, lastSweep }: Status): Verdict {
  if (sweptAt === null) {
    return { tone: 'bad', title: 'Not sweeping', detail: 'No sweep has completed yet.' };
  }
  if (sweptAt < dueSince) {
    const detail = `The last successful sweep was ${since(now, sweptAt)} ago; three ticks have passed since.`;
    return { tone: 'bad', title: 'Not sweeping', detail };
  }
  if (hold?.by === 'operator') {
    const { madeBy, reason, since: heldSince, until } = hold;
    const detail = `${madeBy} has held the rules about silence for ${since(now, heldSince)}: “${reason}”. Nothing is marked stuck until ${instant(until, now)} UTC, in ${duration(until.getTime() - now.getTime())}; overdue ones are still failed.`;
    return { tone: 'warn', title: 'Held by an operator', detail };
  }
  if (storm.state === 'held' && storm.until !== null) {
    const detail = `Too many delegations fell silent together. Nothing is marked stuck until it is over, or until ${clock(storm.until)} UTC, in ${duration(storm.until.getTime() - now.getTime())}; overdue ones are still failed.`;
    return { tone: 'bad', title: 'Storm: held', detail };
  }
  if (storm.state === 'released') {
    const detail = 'The hold ran out, and the storm is not over: a twentieth of the silent is marked stuck per sweep.';
    return { tone: 'warn', title: 'Storm: released', detail };
  }
  const poisoned = lastSweep?.poisoned ?? 0;
  if (poisoned > 0) {
    const detail = `${poisoned} ${poisoned === 1 ? 'row' : 'rows'} could not be updated; the log says why. All others are swept.`;
    return { tone: 'warn', title: 'Sweeping, with poisoned rows', detail };
  }
  return { tone: 'good', title: 'Sweeping', detail: 'No storm, and every sweep on time.' };
}

/** `refusal`: what to do where the database answered and refused; null for one that is away. */
export function unreachable(err: unknown, refusal: { readonly remedy: string } | null): Verdict {
  const { code, message } = errorFields(err);
  const what = `${message}${code === null ? '' : ` (${code})`}`;
  if (refusal !== null) {
    return { tone: 'bad', title: 'Database refused', detail: `${what}; ${refusal.remedy}. The daemon keeps trying.` };
  }
  return {
    tone: 'bad',
    title: 'Database unreachable',
    detail: `${what}. The daemon retries; the figures return when it succeeds.`,
  };
}
