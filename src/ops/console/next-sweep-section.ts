import type { NextSweep } from '../../sweeper/explanation/next-sweep.ts';
import type { LockingSession, Verdict } from '../../sweeper/explanation/verdict.ts';
import { type Fact, factsList } from '../page/facts.ts';
import { count, duration } from '../page/format.ts';
import { type Html, html } from '../page/html.ts';
import { calleeLink } from '../page/links.ts';
import type { Instants } from './explained.ts';
import { actionWords, byWords } from './words.ts';

/** What the next sweep does with an open delegation, when, and what keeps it from that. */
export function nextSweepSection(next: NextSweep, { poisoned, lockedBy }: Verdict, at: Instants): Html {
  const { storm, hold, refusal, budget } = next;
  const facts: (Fact | null)[] = [
    ['A sweep now would', actionWords[next.actionNow]],
    ['The first that acts would', actionWords[next.action]],
    ['When', next.at === null ? 'not known' : html`${at.at(next.at)} UTC, ${at.age(next.at)}, ${byWords[next.by]}`],
    ['Next tick', html`${at.at(next.tickAt)} UTC`],
    ['Daemons', daemonWords(next, at)],
    hold && ['Held by an operator', html`${hold.by}, until ${at.at(hold.until)} UTC: ${hold.reason}`],
    storm.state === 'calm' ? null : ['Storm', stormWords(storm, at)],
    storm.signs && ['Fell silent together', signsWords(storm.signs)],
    refusal && ['Cannot judge', `${refusal.reason.replaceAll('_', ' ')}: ${refusal.remedy}`],
    budget && ['Come before it', `${count(budget.ahead)}; a sweep takes ${count(budget.allowed)}`],
    poisoned && [
      'Its mark was refused',
      html`by the database; the event sweep.poisoned says why, at ${at.at(poisoned.loggedAt)} UTC`,
    ],
    lockedBy && ['Locked by', sessionWords(lockedBy)],
  ];
  return html`<section><h2>What a sweep does with it</h2>${factsList(facts)}</section>`;
}

function daemonWords({ daemons, sweptAt, isSweeping }: NextSweep, at: Instants): Html {
  const last = sweptAt === null ? 'no sweep yet' : html`last sweep ${at.age(sweptAt)}`;
  return html`${daemons === 0 ? 'none: nobody sweeps' : count(daemons)}, ${last}${isSweeping ? null : ', not sweeping in time'}`;
}

function stormWords({ state, since, until }: NextSweep['storm'], at: Instants): Html {
  const from = since === null ? null : html` since ${at.at(since)} UTC`;
  const to = until === null ? null : html`, until ${at.at(until)} UTC at the latest`;
  return html`${state}${from}${to}`;
}

function signsWords({ stale, silent, inFlight, callees }: NonNullable<NextSweep['storm']['signs']>): Html {
  const named = callees.map(({ calleeId, count: rows }) => html` ${calleeLink(calleeId)} ${count(rows)}`);
  return html`${count(silent)} of ${count(inFlight)} in progress, ${count(stale)} of them stale;${named}`;
}

function sessionWords({ pid, user, applicationName, state, transactionAgeMs }: LockingSession): string {
  const parts = [
    pid === null ? 'a session' : `pid ${pid}`,
    user && `of ${user}`,
    applicationName && `(${applicationName})`,
    state,
    transactionAgeMs === null ? null : `in a transaction for ${duration(transactionAgeMs)}`,
  ];
  return parts.filter(Boolean).join(' ');
}
