import type { Boss } from '../jobs/boss.ts';
import { Periodic } from '../lifecycle/periodic.ts';
import type { Service } from '../lifecycle/service.ts';
import type { EventLog } from '../log/event-log.ts';
import type { Availability } from '../outage/availability.ts';
import { WebhookQueues, type WebhookQueuesOptions } from './webhook-queues.ts';

/**
 * During a rollout a daemon that still has the URL subscribes again, until it is gone. Five minutes of events do not pile up,
 * and asking more often costs an idle daemon more queries, of which it may make four a second in all.
 */
const EVERY_MS = 300_000;

/**
 * What runs in the place of webhooks where WEBHOOK_URL is not set: ends the subscriptions that an earlier configuration
 * made, since otherwise events would pile up. What is queued stays, for a month. Emits webhook.stopped.
 */
export function webhooksOff(
  { pgBoss }: Pick<Boss, 'pgBoss'>,
  log: EventLog,
  availability: Availability,
  { everyMs = EVERY_MS, ...options }: WebhookQueuesOptions & { readonly everyMs?: number },
): Service {
  const queues = new WebhookQueues(pgBoss, options);
  return new Periodic({
    name: 'webhooks',
    everyMs,
    async run(signal) {
      const ended = await availability.until(() => queues.unsubscribe(), signal);
      if (ended > 0) log.emit('webhook.stopped', { eventTypes: ended });
    },
    // Never called: a failure is logged and tried again until the service stops.
    onError: () => {},
  });
}
