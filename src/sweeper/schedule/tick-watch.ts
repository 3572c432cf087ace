import { type Cron, nextOccurrence } from '../status/cron.ts';
import type { Reading } from './pgboss-clock.ts';

/** The sweep that has to come next, counted from a look at the schedule. */
export interface Awaited {
  /** The sweep that had begun last then. */
  readonly sweepId: string | null;
  /** By the database's clock: when that was, and the next occurrence of the schedule. */
  readonly sinceMs: number;
  readonly dueMs: number;
  /** By the process's clock, which nobody sets: when that was, and the instant before which nothing counts as late. */
  readonly seenAtMs: number;
  readonly patientUntilMs: number;
}

/**
 * How long after an occurrence its sweep may begin: pg-boss looks every ten seconds for what is due, files it within
 * five, and a worker takes it within two.
 */
export const GRACE_MS = 20_000;

/** After a leap of the database's clock: within a minute pg-boss compares its own with that one, by which it finds what is due. */
export const LEAP_PATIENCE_MS = 60_000 + GRACE_MS;
/** Less is a slow answer's, or the clock's own correction. */
const LEAP_MS = 5_000;

/** What is awaited after this reading. */
export function awaitNext(cron: Cron, { nowMs, sweepId }: Reading, seenAtMs: number): Awaited {
  const dueMs = nextOccurrence(cron, new Date(nowMs)).getTime();
  return { sweepId, sinceMs: nowMs, dueMs, seenAtMs, patientUntilMs: seenAtMs };
}

/** The same, but nothing counts as late for so long. */
export function withPatience(awaited: Awaited, seenAtMs: number, patienceMs: number): Awaited {
  return { ...awaited, patientUntilMs: Math.max(awaited.patientUntilMs, seenAtMs + patienceMs) };
}

/** A look: the clock of the database, and at that moment the process's own. */
export interface Clocks {
  readonly nowMs: number;
  readonly seenAtMs: number;
}

/** Whether the database's clock leapt forward between two looks. */
export function hasLeapt(before: Clocks, after: Clocks): boolean {
  return after.nowMs - before.nowMs - (after.seenAtMs - before.seenAtMs) > LEAP_MS;
}

/**
 * For how long the awaited sweep is overdue: 0 while it is not. By the clock that shows more of the database's and the
 * process's own, since the former may be set back, and the latter stands still while the host sleeps.
 */
export function overdueMs(awaited: Awaited, { nowMs, sweepId }: Reading, seenAtMs: number): number {
  if (sweepId !== awaited.sweepId || seenAtMs < awaited.patientUntilMs) return 0;
  const steadyMs = awaited.sinceMs + (seenAtMs - awaited.seenAtMs);
  const lateMs = Math.max(nowMs, steadyMs) - awaited.dueMs;
  return lateMs > GRACE_MS ? Math.round(lateMs) : 0;
}
