import type { Config } from '../config/config.ts';
import type { Boss } from '../jobs/boss.ts';
import type { Service } from '../lifecycle/service.ts';
import type { EventLog } from '../log/event-log.ts';
import type { Availability } from '../outage/availability.ts';
import type { WebhookObserver } from '../webhook/observer.ts';
import type { PosterOptions } from '../webhook/poster.ts';
import type { SecretSource } from '../webhook/signing-secrets.ts';
import { Webhooks } from '../webhook/webhooks.ts';
import { webhooksOff } from '../webhook/webhooks-off.ts';
import { version } from './version.ts';

/** How posts are made; null where WEBHOOK_URL is not set. */
export type WebhookSettings = PosterOptions & { readonly secrets: SecretSource };

export function webhookSettings(config: Config): WebhookSettings | null {
  const { webhookUrl: url, webhookSecret, webhookSecretFile, webhookAllowPrivate: allowPrivate } = config;
  if (url === null) return null;
  const secrets = webhookSecretFile === null ? { secrets: webhookSecret ?? [] } : { file: webhookSecretFile };
  return { url, allowPrivate, secrets, userAgent: `delegation-sweeper/${version}` };
}

export function webhookService(
  config: Config,
  boss: Boss,
  log: EventLog,
  availability: Availability,
  observer?: WebhookObserver,
): Service {
  const { dbSchema, pgbossSchema, webhookGroupBy: groupBy } = config;
  const settings = webhookSettings(config);
  return settings === null
    ? webhooksOff(boss, log, availability, { dbSchema, pgbossSchema })
    : new Webhooks(boss, log, availability, { ...settings, dbSchema, pgbossSchema, groupBy, observer });
}
