import { MICROS_PER_MS, type Micros } from '../instant.ts';

/** From one look to the next, when nothing comes due before; what a look cannot foresee is found this late at most. */
export const LOOK_EVERY_MS = 2_400;
/** Least time from the start of one sweep to the next one's, over all replicas. */
export const SWEEP_EVERY_MS = 1_000;
/**
 * While another sweep between the ticks runs, what is due is left to it. When the same row is due after this long, and after
 * twice what the last sweep took, that sweep's daemon has died, or the sweep has passed that row over; an overlap
 * of two sweeps is harmless.
 */
export const SWEEP_PATIENCE_MS = 1_000;
export const SWEEP_PATIENCE_MAX_MS = 20_000;
const SWEEPS_PATIENT = 2;
/**
 * The same for a tick's sweep or a command's. A tick's that lost its lease would not count as completed, though no daemon
 * is at fault; and when its daemon has died, pg-boss gives the tick to another one within half a minute.
 */
export const TICK_PATIENCE_MS = 60_000;
/** From one look to the next meanwhile. */
export const PATIENCE_LOOK_MS = 250;

/** What a look saw, at one instant of the database's clock. */
export interface Look {
  readonly nowUs: Micros;
  /** When the last sweep that was recorded read the clock; null: there was none. */
  readonly judgedAtUs: Micros | null;
  /** How long that sweep took. */
  readonly judgedForMs: number;
  /** The sweep that has the lease. */
  readonly leaseId: string | null;
  /** Whether that one is recorded; false: it runs, or its daemon has died. */
  readonly isRecorded: boolean;
  /** Whether that one came between the ticks. */
  readonly isBetweenTicks: boolean;
  /** Whether only the ticks sweep: the storm guard holds, or silence cannot be judged here. */
  readonly isLeftToTicks: boolean;
  /** Whether no delegation was open. */
  readonly isEmpty: boolean;
  /** When the next row comes due that the last sweep did not judge; null: none is known. */
  readonly dueUs: Micros | null;
}

/** `rest`: nothing is open, and somebody watches whether something begins. */
export type Step =
  | { readonly kind: 'sweep' }
  | { readonly kind: 'rest' }
  | { readonly kind: 'wait'; readonly ms: number };

/**
 * What follows from a look. `unchangedForMs`: how long this process has seen the same row due and the same sweep with the
 * lease, by its own clock. `askingMs`: how long a sweep may wait for the agents that it asks. `isWatched`: what
 * begins from this look on is noticed without one. In the model: is_left.
 */
export function nextStep(look: Look, unchangedForMs: number, askingMs = 0, isWatched = false): Step {
  const { nowUs, judgedAtUs, isRecorded, isLeftToTicks, dueUs } = look;
  if (judgedAtUs === null || isLeftToTicks) return wait(LOOK_EVERY_MS);
  const notBeforeUs = judgedAtUs + SWEEP_EVERY_MS * MICROS_PER_MS;
  const atUs = dueUs === null ? null : Math.max(dueUs + 1, notBeforeUs);
  if (atUs === null) return look.isEmpty && isWatched ? { kind: 'rest' } : wait(LOOK_EVERY_MS);
  if (atUs > nowUs) return wait(Math.min(LOOK_EVERY_MS, Math.ceil((atUs - nowUs) / MICROS_PER_MS)));
  // It marks what is due, or leaves it; then it is recorded.
  if (!isRecorded && unchangedForMs < patienceMs(look) + askingMs) return wait(PATIENCE_LOOK_MS);
  return { kind: 'sweep' };
}

function patienceMs({ isBetweenTicks, judgedForMs }: Look): number {
  if (!isBetweenTicks) return TICK_PATIENCE_MS;
  return Math.min(SWEEP_PATIENCE_MAX_MS, Math.max(SWEEP_PATIENCE_MS, SWEEPS_PATIENT * judgedForMs));
}

function wait(ms: number): Step {
  return { kind: 'wait', ms };
}
