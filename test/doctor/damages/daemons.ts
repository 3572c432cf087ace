import { type Damage, sql } from './damage.ts';

/** As a running daemon leaves it. */
const beat = (id = 'daemon', stuckAfterMs = 600_000) =>
  `INSERT INTO sweeper_daemons (daemon_id, stuck_after_ms, beat_at) VALUES ('${id}', ${stuckAfterMs}, now())`;

const gap = (kind: string, length: string) =>
  `INSERT INTO sweeper_gaps (gap_start, gap_end, kind) VALUES (now() - interval '${length}', now(), '${kind}')`;

/** pg-boss's row of the schedule. */
function scheduled(cron: string): string[] {
  return [
    `SELECT pgboss.create_queue('delegation-sweep', '{"policy":"exclusive"}')`,
    `INSERT INTO pgboss.schedule (name, cron, timezone) VALUES ('delegation-sweep', '${cron}', 'UTC')`,
  ];
}

const webhookQueue = `SELECT pgboss.create_queue(q, '{"policy":"standard"}') FROM unnest(ARRAY['delegation-webhook', 'delegation-webhook-dead']) q`;

/** A job of pg-boss, made so long ago. */
const job = (queue: string, more: string, values: string, ago = '2 hours') =>
  `INSERT INTO pgboss.job (name, data, created_on${more}) VALUES ('${queue}', '{"id":"17"}', now() - interval '${ago}'${values})`;

export const daemonDamages: readonly Damage[] = [
  {
    check: 'webhooks',
    title: 'no daemon runs with the WEBHOOK_URL that is set here',
    make: sql(webhookQueue),
    options: { webhookIsSet: true },
    what: /WEBHOOK_URL is set here, and no daemon posts to it/,
    fault: 'off',
    mend: sql(`INSERT INTO pgboss.subscription (event, name) VALUES ('delegation.stuck.v1', 'delegation-webhook')`),
  },
  {
    check: 'webhooks',
    title: 'the secret cannot be read where a daemon runs',
    make: sql(
      webhookQueue,
      job('delegation-webhook', ', state, output', `, 'retry', '{"reason":"secret_unreadable"}'`, '1 minute'),
    ),
    what: /cannot be signed/,
    fault: 'secret',
  },
  {
    check: 'webhooks',
    title: 'the receiver has been away for hours',
    make: sql(webhookQueue, job('delegation-webhook', ', state, output', `, 'retry', '{"reason":"timeout"}'`)),
    what: /wait for long to be delivered/,
    fault: 'waiting',
    mend: sql(`UPDATE pgboss.job SET state = 'completed', completed_on = now()`),
  },
  {
    check: 'webhooks',
    title: 'a post has failed eight times',
    make: sql(webhookQueue, job('delegation-webhook-dead', '', '')),
    what: /has dead letters/,
    fault: 'dead',
    mend: sql('DELETE FROM pgboss.job'),
  },
  {
    check: 'daemons',
    title: 'no daemon runs any more',
    prepare: sql(beat()),
    make: sql(`UPDATE sweeper_daemons SET beat_at = now() - interval '2 hours'`),
    what: /No daemon is running/,
    fault: 'none',
    mend: sql('UPDATE sweeper_daemons SET beat_at = now()'),
  },
  {
    check: 'daemons',
    title: 'two daemons have different thresholds',
    make: sql(beat('one', 600_000), beat('two', 900_000)),
    what: /daemons have different thresholds/,
    fault: 'differ',
  },
  {
    check: 'daemons',
    title: 'STUCK_AFTER here is not the one in force',
    make: sql(beat('one', 900_000), 'UPDATE sweeper_threshold SET stuck_after_ms = 900000'),
    options: { stuckAfterIsSet: true },
    what: /STUCK_AFTER here is not the daemons'/,
    fault: 'other_here',
  },
  {
    check: 'schedule',
    title: 'the sweeps are not scheduled',
    make: sql(beat(), 'UPDATE sweeper_state SET swept_at = now()'),
    what: /sweeps are not scheduled/,
    fault: 'missing',
  },
  {
    check: 'schedule',
    title: 'the sweeps are late',
    make: sql(beat(), `UPDATE sweeper_state SET swept_at = now() - interval '1 hour'`, ...scheduled('* * * * *')),
    what: /sweeps are late/,
    fault: 'late',
    mend: sql('UPDATE sweeper_state SET swept_at = now()'),
  },
  {
    check: 'schedule',
    title: 'the schedule is another one',
    make: sql(beat(), 'UPDATE sweeper_state SET swept_at = now()', ...scheduled('*/5 * * * *')),
    what: /schedule is not the one that is configured/,
    fault: 'other_cron',
  },
  {
    check: 'clocks',
    title: 'the clock jumped',
    make: sql(gap('clock_jump', '10 minutes')),
    what: /clock was set forward/,
    fault: 'jumped',
  },
  {
    check: 'clocks',
    title: 'the database was rewound',
    make: sql(gap('rewound', '10 minutes')),
    what: /its clock went back/,
    fault: 'rewound',
  },
  {
    check: 'clocks',
    title: 'nobody watched for hours',
    make: sql(gap('unwatched', '2 hours')),
    what: /nobody watched/,
    fault: 'unwatched',
  },
  {
    check: 'hold',
    title: 'the storm guard holds',
    make: sql(`UPDATE sweeper_state SET storm_held_since = now() - interval '3 minutes'`),
    what: /storm guard holds/,
    fault: 'storm',
  },
  {
    check: 'hold',
    title: 'a hold ran out',
    make: sql(
      `UPDATE sweeper_state SET storm_held_since = now() - interval '1 hour', storm_released_at = now(), storm_released_why = 'max_hold'`,
    ),
    what: /hold of the storm guard ran out/,
    fault: 'released',
  },
  {
    check: 'hold',
    title: 'an operator has held for long',
    // One that has just begun is no finding.
    prepare: sql(
      `INSERT INTO sweeper_holds (held_since, held_until, reason, made_by) VALUES (now(), now() + interval '1 hour', 'maintenance', 'ada')`,
    ),
    make: sql(`UPDATE sweeper_holds SET held_since = now() - interval '2 hours'`),
    what: /An operator holds the rules/,
    fault: 'operator',
    mend: sql(`UPDATE sweeper_holds SET ended_at = now(), ended_why = 'operator'`),
  },
];
