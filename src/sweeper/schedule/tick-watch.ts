import { type Cron, nextOccurrence } from '../status/cron.ts';
import type { Reading } from './pgboss-clock.ts';

/** The sweep that has to come next, computed from one reading of the schedule. */
export interface Awaited {
  /** The sweep that had begun last at that time. */
  readonly sweepId: string | null;
  /** On the database's clock: the reading, and the next occurrence of the schedule. */
  readonly sinceMs: number;
  readonly dueMs: number;
  /** On the process's monotonic clock: the reading, and the instant before which no sweep counts as late. */
  readonly seenAtMs: number;
  readonly graceUntilMs: number;
}

/**
 * How long after an occurrence its sweep may begin: pg-boss looks every ten seconds for what is due, queues it within
 * five, and a worker takes it within four.
 */
export const GRACE_MS = 20_000;
/** The same where a daemon has many ledgers: then pg-boss looks every twenty seconds. */
export const GRACE_OF_MANY_MS = 30_000;

/** Longer after a jump of the database's clock: pg-boss finds what is due by that clock, and compares its own with it once a minute. */
export const JUMP_GRACE_MS = 60_000;
/** Less is explained by a slow answer, or by the clock's own correction. */
const JUMP_MIN_MS = 5_000;

/** The sweep that has to come after this reading. */
export function awaitNext(cron: Cron, { nowMs, sweepId }: Reading, seenAtMs: number): Awaited {
  const dueMs = nextOccurrence(cron, new Date(nowMs)).getTime();
  return { sweepId, sinceMs: nowMs, dueMs, seenAtMs, graceUntilMs: seenAtMs };
}

/** The same, but no sweep counts as late for so long. */
export function withGrace(awaited: Awaited, seenAtMs: number, graceMs: number): Awaited {
  return { ...awaited, graceUntilMs: Math.max(awaited.graceUntilMs, seenAtMs + graceMs) };
}

/** The database's clock, and at the same moment the process's own. */
export interface Clocks {
  readonly nowMs: number;
  readonly seenAtMs: number;
}

/** Whether the database's clock jumped forward between two readings. */
export function hasJumpedForward(before: Clocks, after: Clocks): boolean {
  return after.nowMs - before.nowMs - (after.seenAtMs - before.seenAtMs) > JUMP_MIN_MS;
}

/**
 * How late the awaited sweep is, 0 within the grace. By whichever of the two clocks shows more: the database's may be set
 * back, and the process's own stands still while the host sleeps.
 */
export function latenessMs(
  awaited: Awaited,
  { nowMs, sweepId }: Reading,
  seenAtMs: number,
  graceMs: number = GRACE_MS,
): number {
  if (sweepId !== awaited.sweepId || seenAtMs < awaited.graceUntilMs) return 0;
  const steadyMs = awaited.sinceMs + (seenAtMs - awaited.seenAtMs);
  const lateMs = Math.max(nowMs, steadyMs) - awaited.dueMs;
  return lateMs > graceMs ? Math.round(lateMs) : 0;
}
