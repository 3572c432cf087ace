import { A2AError, TaskNotFoundError } from '@a2a-js/sdk/errors';
import { networkFailure } from '../../net/network-failure.ts';
import type { SilentOutcome } from '../../sweeper/probe/suspect-probe.ts';

/** Why nothing was heard of a task. The reason is one of this module's and its callers' own words, never the agent's. */
export class ProbeFailure extends Error {
  override readonly name = 'ProbeFailure';
  readonly outcome: SilentOutcome;
  readonly reason: string;

  constructor(outcome: SilentOutcome, reason: string) {
    super(`${outcome}: ${reason}`);
    this.outcome = outcome;
    this.reason = reason;
  }
}

const CAUSES_MAX = 5;

/** What an error of the SDK, of Node or of ours says. Its message is not used: it may quote the agent's answer. */
export function failureOf(err: unknown): ProbeFailure {
  for (let [cause, depth] = [err, 0]; cause instanceof Error && depth < CAUSES_MAX; depth += 1) {
    if (cause instanceof ProbeFailure) return cause;
    cause = cause.cause;
  }
  if (err instanceof TaskNotFoundError) return new ProbeFailure('unknown_task', 'task_not_found');
  if (err instanceof A2AError) return new ProbeFailure('refused', refusalReason(err));
  return new ProbeFailure('unusable', 'malformed');
}

/** The SDK takes `reason` from a list of its own. */
function refusalReason({ reason }: A2AError): string {
  return /^[A-Z_]{1,40}$/.test(reason) ? reason.toLowerCase() : 'a2a_error';
}

/** An error of a connection. */
export function probeFailureOf(err: unknown): ProbeFailure {
  if (err instanceof ProbeFailure) return err;
  const { reason } = networkFailure(err);
  if (reason === 'private_address') return new ProbeFailure('not_asked', reason);
  return new ProbeFailure(reason === 'malformed' ? 'unusable' : 'no_answer', reason);
}
