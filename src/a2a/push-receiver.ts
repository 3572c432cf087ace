import type { DelegationLedger } from '../index.ts';
import { InvalidArgumentError } from '../index.ts';
import { boundedBody } from './push/bounded-body.ts';
import { eventOf } from './push/notification.ts';
import { NotificationTokens } from './push/notification-tokens.ts';
import { NotifiedTasks } from './push/notified-tasks.ts';

export interface PushReceiverOptions {
  readonly ledger: DelegationLedger;
  /**
   * The `token` of the push configurations, or the credentials of their Bearer authentication; several while one is
   * replaced. Whoever has it can end every delegation that this receiver finds: best one for each agent, with `agentUrl`.
   */
  readonly token: string | readonly string[];
  /** The agent that notifies, by the first URL of its card. Default: whichever has the task. */
  readonly agentUrl?: string | undefined;
  /** Default: any. */
  readonly tenant?: string | undefined;
  /** Whose delegations. Default: anybody's. */
  readonly callerId?: string | undefined;
  /** Bytes of a notification at most. Default 16 MiB: some agents send the whole task, with its artifacts. */
  readonly bodyBytesMax?: number | undefined;
}

const BODY_BYTES_MAX_DEFAULT = 16 * 1024 * 1024;
const CONTENT_TYPES = new Set(['application/a2a+json', 'application/json']);

/**
 * A fetch-style handler for the push notifications of A2A agents, of protocol 1.0 and 0.3: each is a transition or a sign of
 * life of its task's delegation. One that is repeated, or older than another, changes nothing.
 *
 *     const receive = pushReceiver({ ledger, token: pushToken, agentUrl: card.supportedInterfaces[0].url });
 *     app.post('/a2a/push', (context) => receive(context.req.raw)); // Hono; or Bun.serve({ fetch: receive })
 *
 * Answers without a body: 204 taken · 400 not JSON, or not a notification · 401 no token, or a wrong one · 404 no delegation
 * of this task is known, or more than one · 405 not POST · 413 too large · 415 another content type · 503 the ledger did
 * not answer. Nothing of a notification is logged. The handler does not throw.
 *
 * @throws InvalidArgumentError for options that are none.
 */
export function pushReceiver(options: PushReceiverOptions): (request: Request) => Promise<Response> {
  const { bodyBytesMax = BODY_BYTES_MAX_DEFAULT } = options;
  if (!Number.isSafeInteger(bodyBytesMax) || bodyBytesMax < 1) {
    throw new InvalidArgumentError('bodyBytesMax', 'must be a whole number of bytes, at least 1');
  }
  const tokens = new NotificationTokens(options.token);
  const tasks = new NotifiedTasks(options);

  const statusFor = async (request: Request): Promise<number> => {
    if (request.method !== 'POST') return 405;
    if (!tokens.admit(request.headers)) return 401;
    if (!CONTENT_TYPES.has(contentTypeOf(request))) return 415;
    const body = await boundedBody(request, bodyBytesMax);
    if (body === undefined) return 413;
    const event = eventOf(body);
    return event === undefined ? 400 : tasks.notified(event);
  };

  return async (request) => {
    // What fails is the reading of the body: its sender has gone.
    const status = await statusFor(request).catch(() => 400);
    return new Response(null, { status, headers: headersOf[status] ?? {} });
  };
}

const headersOf: Readonly<Record<number, Readonly<Record<string, string>>>> = {
  401: { 'www-authenticate': 'Bearer' },
  405: { allow: 'POST' },
};

function contentTypeOf(request: Request): string {
  return (request.headers.get('content-type') ?? '').split(';')[0]!.trim().toLowerCase();
}
