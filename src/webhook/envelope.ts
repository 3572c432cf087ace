import { isGroup } from './group.ts';
import { type WebhookEvent, webhookEventOf } from './webhook-event.ts';

/** One post, the same for each attempt. */
export interface Envelope {
  /** Identifies it for the receiver, which may get it more than once. */
  readonly id: string;
  readonly contentType: string;
  readonly body: string;
  readonly events: readonly WebhookEvent[];
}

/** The post that a job stands for; null where it holds no event. */
export function envelopeOf(data: unknown): Envelope | null {
  if (!isGroup(data)) {
    const event = webhookEventOf(data);
    return event && envelopeOfEvent(event);
  }
  const events = data.events.map(webhookEventOf).filter((event) => event !== null);
  if (events.length !== data.events.length) return null;
  return { id: data.id, contentType: 'application/cloudevents-batch+json', body: JSON.stringify(events), events };
}

export function envelopeOfEvent(event: WebhookEvent): Envelope {
  return { id: event.id, contentType: 'application/cloudevents+json', body: JSON.stringify(event), events: [event] };
}
