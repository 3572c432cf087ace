import type { EventLog } from '../log/event-log.ts';
import { Repeats } from '../log/repeats.ts';
import type { Envelope } from './envelope.ts';
import type { WebhookObserver } from './observer.ts';
import type { PostOutcome } from './poster.ts';
import { ATTEMPTS_MAX } from './webhook-queues.ts';

/** A receiver that is away fails thousands of posts: what fails alike is logged once in this time, with the number of them. */
const REPEAT_MS = 60_000;

export interface PostReport {
  readonly envelope: Envelope;
  readonly outcome: PostOutcome;
  readonly attempt: number;
  /** It is not tried again. */
  readonly isLast: boolean;
}

/** Counts what came of posts, and logs failures. Emits webhook.failed, webhook.dead. */
export class PostReports {
  readonly #log: EventLog;
  readonly #observer: WebhookObserver | undefined;
  readonly #repeats = new Repeats(REPEAT_MS);
  /** Failures of each kind since the last line about it. */
  readonly #unsaid = new Map<string, number>();

  constructor(log: EventLog, observer?: WebhookObserver) {
    this.#log = log;
    this.#observer = observer;
  }

  report({ envelope, outcome, attempt, isLast }: PostReport): void {
    const { id, events } = envelope;
    const { delivered, status, reason, tookMs } = outcome;
    const [first] = events;
    const fields = { eventId: id, type: first!.type, delegationId: first!.subject ?? null, events: events.length };
    const ended = delivered ? 'delivered' : isLast ? 'dead' : 'failed';
    this.#observer?.posted(ended, tookMs);
    if (ended === 'delivered') return;
    const posts = this.#countOf(`${ended} ${reason}`);
    if (posts === null) return;
    const failure = { ...fields, attempt, status, reason: reason!, posts };
    if (isLast) this.#log.emit('webhook.dead', failure);
    else this.#log.emit('webhook.failed', { ...failure, attemptsMax: ATTEMPTS_MAX });
  }

  /** Those since the last line about this kind, this one included; null where it is too early for another line. */
  #countOf(kind: string): number | null {
    const posts = (this.#unsaid.get(kind) ?? 0) + 1;
    const isDue = this.#repeats.claim(kind);
    this.#unsaid.set(kind, isDue ? 0 : posts);
    return isDue ? posts : null;
  }
}
