/** A CloudEvent: what of it the webhook reads is not optional, and the rest is posted as it is. */
export interface WebhookEvent {
  readonly id: string;
  readonly type: string;
  readonly source: string;
  readonly specversion?: string;
  readonly time?: string;
  readonly datacontenttype?: string;
  /** The delegation; not there where an event is about none. */
  readonly subject?: string;
  readonly data?: { readonly sweepId?: string | null; readonly calleeId?: string | null };
}

/** The event in a job's data; null where the job holds something else: any program may send to the queue. */
export function webhookEventOf(data: unknown): WebhookEvent | null {
  if (typeof data !== 'object' || data === null) return null;
  const { id, type, source, subject } = data as Partial<Record<keyof WebhookEvent, unknown>>;
  const isOne = [id, type, source].every(isWord) && (subject === undefined || isWord(subject));
  return isOne ? (data as WebhookEvent) : null;
}

function isWord(text: unknown): boolean {
  return typeof text === 'string' && text !== '';
}
