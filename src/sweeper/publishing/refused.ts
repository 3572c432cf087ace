import type { EventType } from '../../events/event-types.ts';
import { errorFields } from '../../log/error-fields.ts';
import type { EventLog } from '../../log/event-log.ts';

/** A queue that did not take events, and why; no queue: none could be asked. What the functions of the schema return. */
export interface Refused {
  readonly queue?: string;
  readonly code: string;
  readonly message: string;
}

/** Events that were not published, by the transaction that would have published them. */
export interface Unpublished {
  readonly type: EventType;
  readonly events: number;
  readonly refused: readonly Refused[];
}

/** To be called once that transaction is committed. */
export function logUnpublished(log: EventLog, sweepId: string, { type, events, refused }: Unpublished): void {
  for (const { queue = null, code, message } of refused) {
    const err = errorFields(Object.assign(new Error(message), { code }));
    log.emit('event.not_published', { sweepId, type, queue, events, err });
  }
}
