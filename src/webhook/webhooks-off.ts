import type { Boss } from '../jobs/boss.ts';
import { Background } from '../lifecycle/background.ts';
import type { Service } from '../lifecycle/service.ts';
import type { EventLog } from '../log/event-log.ts';
import type { Availability } from '../outage/availability.ts';
import { WebhookQueues, type WebhookQueuesOptions } from './webhook-queues.ts';

/**
 * What runs in the place of webhooks where WEBHOOK_URL is not set: ends the subscriptions that an earlier configuration
 * made, since otherwise events would pile up. What is queued stays, for a month. Emits webhook.stopped.
 */
export function webhooksOff(
  { pgBoss }: Pick<Boss, 'pgBoss'>,
  log: EventLog,
  availability: Availability,
  options: WebhookQueuesOptions,
): Service {
  const queues = new WebhookQueues(pgBoss, options);
  return new Background({
    name: 'webhooks',
    async run(signal, tried) {
      const ended = await availability.until(() => queues.unsubscribe().finally(tried), signal);
      if (ended > 0) log.emit('webhook.stopped', { eventTypes: ended });
    },
  });
}
