import { Webhook } from 'standardwebhooks';

export interface Signed {
  readonly id: string;
  readonly body: string;
  /** Of this attempt: a receiver refuses one that is long past. */
  readonly at: Date;
}

/** The headers of Standard Webhooks 1.0.0, with a signature by each secret: while one is replaced, a receiver has either. */
export function signatureHeaders({ id, body, at }: Signed, secrets: readonly string[]): Record<string, string> {
  return {
    'webhook-id': id,
    'webhook-timestamp': String(Math.floor(at.getTime() / 1000)),
    'webhook-signature': secrets.map((secret) => new Webhook(secret).sign(id, at, body)).join(' '),
  };
}
