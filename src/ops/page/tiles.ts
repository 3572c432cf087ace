import type { Census } from '../../sweeper/status/census.ts';
import type { Status } from '../../sweeper/status/status.ts';
import type { Undelivered } from '../../webhook/undelivered.ts';
import { type Fact, factsList } from './facts.ts';
import { count, duration, percentage } from './format.ts';
import { type Html, html } from './html.ts';
import { listHref } from './links.ts';
import { age, time } from './time.ts';

/** The last and next sweep, the last beat, unobserved time, the threshold, and the webhook where something is not delivered to it. */
export function statusFacts(
  { now, sweptAt, nextAt, beatAt, lastSweep, day, stuckAfterMs }: Status,
  undelivered: Undelivered | null,
): Html {
  const last =
    sweptAt === null
      ? 'never'
      : html`${age(sweptAt, now)}${lastSweep === null ? '' : `, in ${duration(lastSweep.durationMs)}`}`;
  return factsList([
    ['Last sweep', last],
    ['Next sweep', html`in ${duration(nextAt.getTime() - now.getTime())}, at ${time(nextAt, now)} UTC`],
    ['Last beat', beatAt === null ? 'never' : age(beatAt, now)],
    ['Unobserved, last day', day.unobservedMs === 0 ? 'none' : duration(day.unobservedMs)],
    ['Stuck after', duration(stuckAfterMs)],
    webhookFact(undelivered),
  ]);
}

function webhookFact(undelivered: Undelivered | null): Fact | null {
  if (undelivered === null || undelivered.waiting + undelivered.dead === 0) return null;
  const { waiting, oldestMs, dead } = undelivered;
  const oldest = oldestMs === null ? '' : `, the oldest for ${duration(oldestMs)}`;
  return [
    'Webhook',
    `${count(waiting)} not delivered yet${oldest}; ${count(dead)} dead ${dead === 1 ? 'letter' : 'letters'}`,
  ];
}

const names: Readonly<Record<string, string>> = {
  queued: 'Queued',
  dispatched: 'Dispatched',
  in_progress: 'In progress',
};

export function openTiles(census: Census | null, { oldest }: Status): Html {
  if (census === null) return html`<p class="none">The open delegations could not be counted in time.</p>`;
  const statuses = Object.entries(census.byStatus).map(([status, rows]) =>
    tile(
      listed(names[status] ?? status, status),
      count(rows),
      census.capped ? 'of the first million by deadline' : 'now',
    ),
  );
  const { silenceMs, allowedMs, overdueMs } = oldest;
  const { waiting, longestWaitMs, ownThreshold } = census;
  const allowed = allowedMs === null ? 'nothing is in progress' : `${duration(allowedMs)} allowed`;
  return html`<div class="tiles">${statuses}
${tile('Waiting', count(waiting), longestWaitMs === null ? 'for others' : `the longest for ${duration(longestWaitMs)}`)}
${tile('Longest silence', silenceMs === null ? 'none' : duration(silenceMs), allowed)}
${ownThreshold === 0 ? null : tile('Own thresholds', count(ownThreshold), 'in place of the common one')}
${tile('Most overdue', overdueMs === 0 ? 'none' : duration(overdueMs), 'past its deadline')}</div>`;
}

export function dayTiles({ day }: Status): Html {
  const { sweeps, stuck, stalled, failed, lateResults, falsePositiveRatio } = day;
  const rate = falsePositiveRatio === null ? 'nothing marked' : `${percentage(falsePositiveRatio)} of the stuck`;
  return html`<div class="tiles">${tile('Sweeps', count(sweeps), 'in the last day')}
${tile(listed('Marked stuck', 'stuck'), count(stuck), stalled === 0 ? 'silent too long' : `${count(stalled)} of them without progress`)}
${tile(listed('Marked failed', 'failed'), count(failed), 'past deadline')}
${tile('False positives', count(lateResults), rate)}</div>`;
}

/** A name that leads to the delegations of this status. */
function listed(name: string, status: string): Html {
  return html`<a href="${listHref({ status })}">${name}</a>`;
}

function tile(name: Html | string, value: string, note: string): Html {
  return html`<div class="tile"><h3>${name}</h3><p class="value">${value}</p><p class="note">${note}</p></div>`;
}
