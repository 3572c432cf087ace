import { redactUrl } from './database-url.ts';
import type { Settings } from './keys.ts';
import type { Telemetry } from './telemetry.ts';
import { shownWebhookUrl } from './webhook.ts';

/** Where the database is. `file` holds a path and not the URL: it is read again at each new connection. */
export type Database =
  | { readonly kind: 'url'; readonly url: string }
  | { readonly kind: 'file'; readonly file: string }
  | { readonly kind: 'embedded'; readonly embeddedDir: string };

export type Config = Omit<Settings, 'databaseUrl' | 'databaseUrlFile'> & {
  readonly database: Database;
  readonly telemetry: Telemetry;
  /** Whether STUCK_AFTER was set: a one-shot sweep refuses one that differs from the daemons' threshold. */
  readonly stuckAfterIsSet: boolean;
};

/** The configuration as it may be logged. */
export function redacted(config: Config): Record<string, unknown> {
  const { database, webhookUrl, webhookSecret } = config;
  return {
    ...config,
    database: database.kind === 'url' ? { ...database, url: redactUrl(database.url) } : database,
    webhookUrl: webhookUrl && shownWebhookUrl(webhookUrl),
    webhookSecret: webhookSecret?.map(() => '***') ?? null,
  };
}
