import { styleText } from 'node:util';
import { visible } from '../log/visible.ts';
import { duration, percentage } from '../ops/page/format.ts';
import type { Census } from '../sweeper/status/census.ts';
import type { Status } from '../sweeper/status/status.ts';
import type { Undelivered } from '../webhook/undelivered.ts';

export interface StatusAnswer {
  readonly read: Status;
  readonly census: Census;
  /** Null: this role may not read it. */
  readonly webhook: Undelivered | null;
  readonly sweeping: boolean;
  /** The database in words. */
  readonly database: string;
}

/** The status, one fact per line. On a terminal with colours, and with the time that is left in place of an instant. */
export function statusWords(answer: StatusAnswer, { terminal }: { readonly terminal: boolean }): string {
  const { read, census, webhook, sweeping, database } = answer;
  const { now, sweptAt, nextAt, lastSweep, day, oldest } = read;
  const inWords = (at: Date) => `in ${duration(at.getTime() - now.getTime())}`;
  const when = (at: Date) => (terminal ? inWords(at) : `${at.toISOString()}, ${inWords(at)}`);
  const counted = Object.entries(census.byStatus).map(([name, count]) => `${count} ${name}`);
  const lines = {
    sweeping: sweepingWords(read, sweeping, terminal),
    'last sweep':
      sweptAt === null
        ? 'never'
        : `${duration(now.getTime() - sweptAt.getTime())} ago${lastSweep ? `, took ${duration(lastSweep.durationMs)}` : ''}`,
    'next sweep': when(nextAt),
    storm: stormWords(read, terminal),
    'operator hold': holdWords(read, terminal),
    unobserved: `${duration(day.unobservedMs)} in the last day`,
    open: `${counted.join(', ')}${census.capped ? ', of the first million by deadline' : ''}`,
    waiting: waitingWords(census),
    'own thresholds': `${census.ownThreshold}`,
    'longest silence':
      oldest.silenceMs === null || oldest.allowedMs === null
        ? 'none'
        : `${duration(oldest.silenceMs)}, ${duration(oldest.allowedMs)} allowed`,
    'most overdue': oldest.overdueMs === 0 ? 'none' : duration(oldest.overdueMs),
    'last day': dayWords(read),
    'false positives': falsePositives(read),
    webhook: webhookWords(webhook, terminal),
    database: visible(database),
  };
  return Object.entries(lines)
    .map(([name, value]) => `${name.padEnd(16)} ${value}`)
    .join('\n');
}

function sweepingWords({ sweptAt }: Status, sweeping: boolean, terminal: boolean): string {
  if (sweeping) return styled('green', 'yes', terminal);
  const why = sweptAt === null ? 'no sweep has completed yet' : 'three ticks have passed without a successful sweep';
  return styled(
    'red',
    `no: ${why}; is a daemon running (\`delegation-sweeper start\`), and what does its log say?`,
    terminal,
  );
}

function dayWords({ day: { sweeps, stuck, stalled, failed, retried } }: Status): string {
  const notes = [
    ...(stalled > 0 ? [`${stalled} without progress`] : []),
    ...(retried > 0 ? [`${retried} tried again`] : []),
  ];
  return `${sweeps} sweeps, ${stuck} marked stuck${notes.length > 0 ? ` (${notes.join(', ')})` : ''}, ${failed} failed`;
}

function waitingWords({ waiting, longestWaitMs }: Census): string {
  return longestWaitMs === null ? 'none' : `${waiting}, the longest for ${duration(longestWaitMs)}`;
}

function stormWords({ now, storm: { state, until } }: Status, terminal: boolean): string {
  if (state === 'held' && until !== null) {
    const ends = terminal ? `for another ${duration(until.getTime() - now.getTime())}` : `until ${until.toISOString()}`;
    return styled('red', `held ${ends}: nothing is marked stuck`, terminal);
  }
  return state === 'released' ? 'released: a twentieth of the silent is marked stuck each sweep' : 'none';
}

function holdWords({ now, hold }: Status, terminal: boolean): string {
  if (hold === null || hold.by === 'storm') return 'none';
  const { reason, since, until, madeBy } = hold;
  const left = duration(until.getTime() - now.getTime());
  const ends = terminal ? `for another ${left}` : `until ${until.toISOString()}`;
  const who = `by ${visible(madeBy ?? '')} for ${duration(now.getTime() - since.getTime())}`;
  return styled('red', `held ${ends}, ${who}: ${visible(reason ?? '')}`, terminal);
}

function falsePositives({ day: { lateResults, falsePositiveRatio } }: Status): string {
  if (falsePositiveRatio === null) return 'none was marked stuck';
  return `${lateResults} still delivered a result: ${percentage(falsePositiveRatio)}`;
}

function webhookWords(webhook: Undelivered | null, terminal: boolean): string {
  if (webhook === null) return 'unknown: this role may not read the jobs of pg-boss';
  const { waiting, oldestMs, dead } = webhook;
  if (waiting + dead === 0) return 'nothing undelivered';
  const oldest = oldestMs === null ? '' : `, the oldest for ${duration(oldestMs)}`;
  const letters = `${dead} dead ${dead === 1 ? 'letter' : 'letters'}${dead === 0 ? '' : ': see `webhook list`'}`;
  return styled('red', `${waiting} not delivered yet${oldest}; ${letters}`, terminal);
}

function styled(style: 'green' | 'red', text: string, terminal: boolean): string {
  return terminal ? styleText(style, text, { stream: process.stdout }) : text;
}
