import { duration } from '../../log/duration.ts';
import { UndeliveredReader, whereReadable } from '../../webhook/undelivered.ts';
import { check, NotRun, type Seen } from '../check.ts';

/** After six attempts a receiver has been away for about six hours; a single failure is retried within a quarter. */
const OLDEST_MAX_MS = 3_600_000;
/** Posts that are looked at for why they failed. */
const POSTS_READ = 50;

export const webhooks = check({
  name: 'webhooks',
  about:
    'Whether events reach the webhook: dead letters, what waits and for how long, and why its last attempts failed.',
  faults: {
    off: {
      severity: 'problem',
      when: 'WEBHOOK_URL is set here, and no event is queued for it: no daemon of this ledger runs with it',
      remedy: 'Give the daemons the same WEBHOOK_URL and WEBHOOK_SECRET, and restart them.',
    },
    secret: {
      severity: 'problem',
      when: 'Posts fail since WEBHOOK_SECRET_FILE cannot be read, or holds no secret, where a daemon runs',
      remedy:
        'Look at the mounted secret; `webhook.secret_unreadable` in the log says what is wrong. It is read again for each post.',
    },
    waiting: {
      severity: 'problem',
      when: `An event has waited for more than ${duration(OLDEST_MAX_MS)} to be delivered`,
      remedy:
        'Find out whether the receiver answers, from where a daemon runs: `delegation-sweeper webhook test`. `delegation-sweeper webhook list` has the reasons.',
    },
    dead: {
      severity: 'problem',
      when: 'There are dead letters: all attempts at these posts have failed',
      remedy:
        'Mend the receiver (`delegation-sweeper webhook list` has the reasons), then send them again: `delegation-sweeper webhook replay --all`.',
    },
  },
  async read({ db, options }) {
    const reader = new UndeliveredReader(db, options);
    const undelivered = await reader.read();
    if (undelivered === null) throw new NotRun("this role may not read pg-boss's jobs");
    return {
      undelivered,
      posts: await whereReadable(reader.posts(POSTS_READ)),
      isSubscribed: await whereReadable(reader.isSubscribed()),
    };
  },
  judge({ undelivered, posts: read, isSubscribed }, { options }) {
    const posts = read ?? [];
    const { waiting, oldestMs, dead, lastDeliveredAt } = undelivered;
    const last =
      lastDeliveredAt === null
        ? 'nothing was delivered in the last day'
        : `the last was delivered at ${lastDeliveredAt.toISOString()}`;
    const seen: Seen<'off' | 'secret' | 'waiting' | 'dead'>[] = [];
    if (options.webhookIsSet && isSubscribed === false) {
      const how = 'the queue of webhooks is subscribed to no event';
      seen.push({ fault: 'off', what: 'WEBHOOK_URL is set here, and no daemon posts to it', how });
    }
    const secretless = posts.filter(({ reason }) => reason === 'secret_unreadable').length;
    if (secretless > 0) {
      const how = `the last attempt of ${secretless} of ${posts.length} posts`;
      seen.push({ fault: 'secret', what: 'Posts to the webhook cannot be signed', how });
    }
    if (oldestMs !== null && oldestMs > OLDEST_MAX_MS) {
      const how = `${waiting} wait, the oldest for ${duration(oldestMs)}; ${last}${reasonsOf(posts)}`;
      seen.push({ fault: 'waiting', what: 'Events wait for long to be delivered to the webhook', how });
    }
    if (dead > 0) {
      const how = `${dead}; ${last}${reasonsOf(posts.filter(({ state }) => state === 'dead'))}`;
      seen.push({ fault: 'dead', what: 'The webhook has dead letters', how });
    }
    // With nothing waiting no post fails, and without a WEBHOOK_URL here nothing need be queued.
    const isUnknown = (read === null && waiting + dead > 0) || (isSubscribed === null && options.webhookIsSet);
    if (isUnknown)
      seen.push({ unchecked: 'why posts fail, and whether events are queued: this role only counts jobs' });
    if (seen.length > 0 || !isSubscribed) return seen;
    return [{ note: `${waiting} waiting, no dead letter` }];
  },
});

/** The reasons of the last attempts, each once. */
function reasonsOf(posts: readonly { readonly reason: string | null }[]): string {
  const reasons = [...new Set(posts.flatMap(({ reason }) => (reason === null ? [] : [reason])))];
  return reasons.length === 0 ? '' : `; reasons: ${reasons.join(', ')}`;
}
