import { A2AError } from '@a2a-js/sdk/errors';

/** What says nothing about the work: the agent, or the SDK on its way, failed at something of its own. */
const notRefused = new Set(['INTERNAL_ERROR', 'INVALID_AGENT_RESPONSE']);

/**
 * Why the agent did not take a message, as the ledger records it; undefined where the error says nothing about the work: a
 * broken connection, a failure inside the agent's server, an HTTP error that is no A2A answer.
 */
export function refusalOf(error: unknown): string | undefined {
  const answer = a2aErrorOf(error);
  if (answer === undefined || notRefused.has(answer.reason)) return undefined;
  return `a2a: ${answer.reason}: ${answer.message}`;
}

export function isTaskNotFound(error: unknown): boolean {
  return a2aErrorOf(error)?.reason === 'TASK_NOT_FOUND';
}

/** An error event of a stream comes as the cause of a plain Error. */
function a2aErrorOf(error: unknown): A2AError | undefined {
  if (error instanceof A2AError) return error;
  return error instanceof Error && error.cause instanceof A2AError ? error.cause : undefined;
}
