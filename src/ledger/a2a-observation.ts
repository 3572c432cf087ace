import { assertDurationMs, jsonBody, noteText } from './arguments.ts';
import { WAIT_MAX_MS } from './limits.ts';
import { cutPreview } from './preview.ts';

/**
 * What one sight of an A2A task says of its delegation; docs/a2a.md has the table. `waiting`: 1 to 200 characters of what
 * it waits for. `alive`: its agent works, and nothing else is known.
 */
export type A2aObservation =
  | { readonly step: 'dispatched' }
  | { readonly step: 'in_progress'; readonly progress?: string | undefined }
  | { readonly step: 'waiting'; readonly reason: string; readonly forMs?: number | undefined }
  | { readonly step: 'completed'; readonly resultPreview?: string | undefined; readonly responseBody?: unknown }
  | { readonly step: 'failed'; readonly errorDetail: string; readonly responseBody?: unknown }
  | { readonly step: 'alive'; readonly progress?: string | undefined };

export type A2aStep = A2aObservation['step'];

/** How long INPUT_REQUIRED and AUTH_REQUIRED may last, where nothing else is said: seven days. */
const WAIT_DEFAULT_MS = 7 * 24 * 3_600_000;

/** What the statement takes. @throws InvalidArgumentError */
export function observationValues(observation: A2aObservation | undefined): {
  errorDetail: string | null;
  resultPreview: string | null;
  responseBody: string | null;
  reason: string | null;
  waitMs: number | null;
  progress: string | null;
} {
  const said = (observation ?? {}) as { readonly [Name in A2aFieldName]?: unknown };
  const { errorDetail, resultPreview, responseBody, reason, forMs = WAIT_DEFAULT_MS, progress } = said;
  const isWaiting = observation?.step === 'waiting';
  if (isWaiting) assertDurationMs('forMs', forMs, WAIT_MAX_MS);
  return {
    errorDetail: errorDetail == null ? null : cutPreview('errorDetail', errorDetail),
    resultPreview: resultPreview == null ? null : cutPreview('resultPreview', resultPreview),
    responseBody: jsonBody('responseBody', responseBody),
    reason: isWaiting ? noteText('reason', reason) : null,
    waitMs: isWaiting ? (forMs as number) : null,
    progress: progress == null ? null : noteText('progress', progress),
  };
}

type A2aFieldName = 'errorDetail' | 'resultPreview' | 'responseBody' | 'reason' | 'forMs' | 'progress';
