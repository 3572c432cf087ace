import { visible } from '../log/visible.ts';
import { count, duration, since } from '../ops/page/format.ts';
import type { Undelivered, UndeliveredPost } from '../webhook/undelivered.ts';
import { type TableColumn, table } from './table.ts';

export interface WebhookList extends Undelivered {
  /** As it may be shown; null where WEBHOOK_URL is not set here. */
  readonly url: string | null;
  readonly rows: readonly UndeliveredPost[];
}

interface View {
  readonly now: Date;
  readonly terminal: boolean;
}

export function listWebhookWords(list: WebhookList, { now, terminal }: View): string {
  const { url, waiting, oldestMs, dead, lastDeliveredAt, rows } = list;
  const when = (at: Date | null) => {
    if (at === null || !terminal) return at?.toISOString() ?? null;
    return at > now ? `in ${duration(at.getTime() - now.getTime())}` : `${since(now, at)} ago`;
  };
  const columns: readonly TableColumn<UndeliveredPost>[] = [
    { head: 'EVENT', text: ({ eventId }) => eventId, whole: true },
    { head: 'STATE', text: ({ state }) => state, style: ({ state }) => (state === 'dead' ? 'red' : null) },
    { head: 'TYPE', text: ({ type, events }) => `${type ?? 'no event'}${events > 1 ? ` and ${events - 1} more` : ''}` },
    { head: 'DELEGATION', text: ({ delegationId }) => delegationId },
    { head: 'ATTEMPTS', text: ({ attempts }) => String(attempts) },
    { head: 'REASON', text: ({ reason }) => reason },
    { head: 'SINCE', text: ({ since: at }) => when(at) },
    { head: 'NEXT ATTEMPT', text: ({ nextAttemptAt }) => when(nextAttemptAt) },
  ];
  const oldest = oldestMs === null ? '' : `, the oldest for ${duration(oldestMs)}`;
  const last = lastDeliveredAt === null ? 'none in the last day' : when(lastDeliveredAt)!;
  const lines = [
    `${count(waiting)} waiting${oldest}; ${count(dead)} dead; last delivered: ${last}.`,
    ...(rows.length > 0 ? [table(rows, columns, { terminal })] : []),
    ...(dead > 0 ? ['Dead letters are sent again by `delegation-sweeper webhook replay`.'] : []),
    ...(url === null ? ['WEBHOOK_URL is not set here: where the daemon posts to is its own configuration.'] : []),
  ];
  return lines.join('\n');
}

export interface Replay {
  readonly replayed: number;
  readonly missing: readonly string[];
}

export function replayWords({ replayed, missing }: Replay): string {
  const done = `${count(replayed)} ${replayed === 1 ? 'post' : 'posts'} queued again; the daemon sends ${replayed === 1 ? 'it' : 'them'} within seconds.`;
  return [
    done,
    ...missing.map((id) => `No dead letter with the event ${visible(id)}: \`webhook list\` shows them.`),
  ].join('\n');
}

export interface TestPost {
  readonly delivered: boolean;
  readonly url: string;
  readonly id: string;
  readonly status: number | null;
  readonly reason: string | null;
  readonly tookMs: number;
}

export function testWords({ delivered, url, id, status, reason, tookMs }: TestPost): string {
  const answered = status === null ? '' : ` It answered ${status}`;
  if (delivered) return `Delivered to ${url} in ${duration(tookMs)}.${answered}; webhook-id ${id}.`;
  const [what, next] = explanationOf(reason ?? '', status);
  return `Not delivered to ${url}: ${what}.\nWhat to do: ${next}.`;
}

/** What a reason means, and what to do. */
function explanationOf(reason: string, status: number | null): readonly [string, string] {
  const known = explanations[reason];
  if (known !== undefined) return known;
  if (status === 401 || status === 403) {
    return [
      `it answered ${status}`,
      "check that the receiver has this secret, and checks the signature of the body's bytes as they came",
    ];
  }
  if (status === 404 || status === 410) return [`it answered ${status}`, 'check the path of WEBHOOK_URL'];
  return [`it answered ${status}`, "look into the receiver's own log; it has to answer with a status of 200 to 299"];
}

const explanations: Readonly<Record<string, readonly [string, string]>> = {
  connection: [
    'the connection was closed before there was a whole answer',
    "look into the receiver's own log, and what stands before it",
  ],
  connection_refused: [
    'nobody listens there',
    'check the host and the port of WEBHOOK_URL, and that the receiver runs',
  ],
  malformed: ['what came back is no HTTP', 'check the port of WEBHOOK_URL, and whether it is http or https'],
  name_not_found: ['its name is not known here', 'check the host of WEBHOOK_URL, and the DNS of this host'],
  private_address: [
    'its name leads to an address of a private network, which is refused',
    'set WEBHOOK_ALLOW_PRIVATE=true where the receiver is inside of the cluster; otherwise find out who changed the name',
  ],
  redirect: ['it answered with a redirect, which is not followed', 'set WEBHOOK_URL to where the redirect leads'],
  secret_unreadable: ['WEBHOOK_SECRET_FILE cannot be used', 'see the line above, and the mount of the secret'],
  timeout: [
    'there was no whole answer within 10 s',
    'check that a firewall or network policy lets this host out, and that the receiver answers before it works',
  ],
  tls: [
    'TLS failed: its certificate is not trusted here, has expired, or is for another name',
    'check the certificate; NODE_EXTRA_CA_CERTS names an authority of your own',
  ],
};

/** Of the embedded database. */
export function databaseLine(database: string | null): string {
  return database === null ? '' : `Database: ${visible(database)}.\n`;
}
