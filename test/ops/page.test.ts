import { createHash } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import { duration } from '../../src/ops/page/format.ts';
import { html } from '../../src/ops/page/html.ts';
import { pageAnswer } from '../../src/ops/page/layout.ts';
import { statusPage } from '../../src/ops/page/page.ts';
import { verdictOf } from '../../src/ops/page/verdict.ts';
import type { OperatorHold } from '../../src/sweeper/hold/operator-hold.ts';
import { seedDelegation, testSweeper } from '../support/fixtures.ts';
import { useDatabase } from '../support/use-database.ts';
import { advice, census, history, hostileId, now, status, undelivered } from './page-readings.ts';
import { startOps } from './running-ops.ts';

const page = (over: object = {}) =>
  pageAnswer(
    200,
    statusPage({ status, census, history, advice, undelivered, version: '1.2.3', reloads: true, ...over }),
  ).body;

describe('markup', () => {
  test('escapes everything that is put into it, as text and in an attribute', () => {
    expect(html`<p title="${`"'><b>&`}">${'<script>'}</p>`.text).toBe(
      '<p title="&quot;&#39;&gt;&lt;b&gt;&amp;">&lt;script&gt;</p>',
    );
  });

  test('keeps markup unchanged, lists in their order, and null as nothing', () => {
    expect(html`<ul>${['a', 'b<'].map((item) => html`<li>${item}</li>`)}</ul>${null}${0}`.text).toBe(
      '<ul><li>a</li><li>b&lt;</li></ul>0',
    );
  });

  test('shows an invisible character, or one that changes the direction of text, as a replacement', () => {
    expect(html`${'a\u202eb\u0000c\u200bd\u2028e\u0007'}`.text).toBe('a\ufffdb\ufffdc\ufffdd\ufffde\ufffd');
    expect(html`${'👩\u200d💻'}`.text).toBe('👩\u200d💻');
  });
});

test.each([
  [0, '0 s'],
  [240, '240 ms'],
  [999.6, '1 s'],
  [23_400, '23 s'],
  [60_000, '1 min'],
  [612_000, '10 min 12 s'],
  [3_600_000, '1 h'],
  [7_500_000, '2 h 5 min'],
  [90_000_000, '1 d 1 h'],
  [86_400_000 + 60_000, '1 d'],
  [-5, '0 s'],
])('%p ms is shown as %s', (ms, words) => {
  expect(duration(ms)).toBe(words);
});

describe('the verdict', () => {
  test.each<[string, object, string, string]>([
    ['all is well', {}, 'good', 'Sweeping'],
    ['never swept', { sweptAt: null }, 'bad', 'Not sweeping'],
    ['late', { sweptAt: new Date(status.dueSince.getTime() - 1) }, 'bad', 'Not sweeping'],
    [
      'a storm',
      { storm: { state: 'held', since: now, until: new Date(now.getTime() + 720_000) } },
      'bad',
      'Storm: held',
    ],
    ['a released storm', { storm: { state: 'released', since: now, until: null } }, 'warn', 'Storm: released'],
    [
      'an operator’s hold, also in a storm',
      {
        hold: { by: 'operator', reason: 'why', since: now, until: now, madeBy: 'ana', madeRole: 'sweeper' },
        storm: { state: 'held', since: now, until: now },
      },
      'warn',
      'Held by an operator',
    ],
    ['poisoned rows', { lastSweep: { ...status.lastSweep!, poisoned: 2 } }, 'warn', 'Sweeping, with poisoned rows'],
  ])('%s', (_, over, tone, title) => {
    expect(verdictOf({ ...status, ...over })).toMatchObject({ tone, title });
  });

  test('shows until when a storm is held', () => {
    const until = new Date(now.getTime() + 720_000);
    const { detail } = verdictOf({ ...status, storm: { state: 'held', since: now, until } });
    expect(detail).toContain('until 12:15 UTC, in 12 min');
  });
});

const heldByOperator: OperatorHold = {
  since: new Date(now.getTime() - 3_600_000),
  until: new Date(now.getTime() + 720_000),
  reason: hostileId,
  madeAt: new Date(now.getTime() - 3_600_000),
  madeBy: 'ana',
  madeRole: 'sweeper',
  endedAt: null,
  endedWhy: null,
  endedBy: null,
  endedRole: null,
};

describe('an operator’s hold', () => {
  test('is shown with who made it, why, since when and until when, and no reason becomes markup', () => {
    const { reason, since, until, madeBy, madeRole } = heldByOperator;
    const hold = { by: 'operator', reason, since, until, madeBy, madeRole } as const;
    const text = page({ status: { ...status, hold, operatorHolds: [heldByOperator] } });
    expect(text).toContain('<title>Held by an operator · delegation-sweeper</title>');
    expect(text).toContain('ana has held the rules about silence for 1 h: “&quot;&gt;&lt;img');
    expect(text).toContain('until 12:15:21 UTC, in 12 min');
    expect(text).not.toContain('<img');
  });

  test.each([
    [{}, 'until 12:15:21 UTC'],
    [{ until: new Date(now.getTime() - 60_000) }, 'ended at 12:02:21 UTC'],
    [{ endedAt: now, endedWhy: 'expired' }, 'ended by itself at 12:03:21 UTC'],
    [{ endedAt: now, endedWhy: 'operator', endedBy: 'bob' }, 'released by bob at 12:03:21 UTC'],
    [{ endedAt: now, endedWhy: 'replaced', endedBy: 'bob' }, 'replaced by bob at 12:03:21 UTC'],
  ] as const)('stays on the page with its end: %j', (over, end) => {
    const operatorHolds = [{ ...heldByOperator, reason: 'a rollout', ...over }];
    const text = page({ status: { ...status, operatorHolds } });
    expect(text).toContain('<time datetime="2026-07-28T11:03:21.000Z">');
    expect(text.replace(/<\/?time[^>]*>/g, '')).toContain(`11:03:21 UTC, by ana: “a rollout”; ${end}</li>`);
  });

  test('takes no room where there was none', () => {
    expect(page()).not.toContain('holds by operators');
  });
});

describe('the page', () => {
  test('never turns an id into markup', () => {
    const text = page();
    expect(text).not.toContain('<img');
    expect(text).toContain('&quot;&gt;&lt;img src=x onerror=alert(1)&gt;');
    expect(text).not.toContain(hostileId);
  });

  test('has no script, no event handler, no style attribute and no external content', () => {
    const text = page();
    expect(text).not.toMatch(
      /<script|javascript:|<[^>]*\s(?:on\w+|style)=|<link(?! rel="icon" href="data:)|@import|url\(/i,
    );
    // Links lead to other pages of this server.
    expect(text).not.toMatch(/(?:src|href|action)="(?!data:image\/svg|\/(?!\/)|#)/);
  });

  test('is shown when some of it, or all of it, could not be read', () => {
    expect(page({ census: null })).toContain('could not be counted in time');
    expect(page({ history: null })).toContain('Could not be read in time.');
    const err = new Error('connect postgres://u:s3cret@h/db');
    const away = page({ status: { err, refusal: null }, census: null, history: null });
    expect(away).toContain('Database unreachable');
    expect(away).toContain('postgres://u:***@h/db');
    expect(away).toContain('stop reloading');
    const refused = page({ status: { err, refusal: { remedy: 'mend it' } }, census: null, history: null });
    expect(refused).toContain('Database refused');
    expect(refused).toContain('mend it. The daemon keeps trying.');
  });

  test('of a ledger without a single row has no NaN and no Infinity', () => {
    const text = page({
      status: {
        ...status,
        sweptAt: null,
        beatAt: null,
        lastSweep: null,
        day: {
          sweeps: 0,
          stuck: 0,
          stalled: 0,
          failed: 0,
          retried: 0,
          lateResults: 0,
          falsePositiveRatio: null,
          unobservedMs: 0,
        },
        oldest: { silenceMs: null, allowedMs: null, overdueMs: 0 },
      },
      census: {
        ...census,
        byStatus: { queued: 0, dispatched: 0, in_progress: 0 },
        silence: census.silence.map(() => 0),
      },
      history: { bins: [], marks: [], callees: [], gaps: [] },
      advice: { ...advice, callees: [], calleesKnown: 0 },
    });
    expect(text).not.toMatch(/NaN|Infinity|undefined|null|\[object/);
  });

  test('shows what waits, and silence in shares of each threshold where thresholds differ', () => {
    const text = page({
      census: { ...census, waiting: 3, longestWaitMs: 7_200_000, ownThreshold: 5 },
      status: { ...status, day: { ...status.day, stuck: 7, stalled: 2 } },
    });
    expect(text).toMatch(/<h3>Waiting<\/h3><p class="value">3<\/p><p class="note">the longest for 2 h</);
    expect(text).toMatch(/<h3>Own thresholds<\/h3><p class="value">5</);
    expect(text).toContain('against each one’s threshold; without those that wait');
    expect(text).toContain('<span class="from over">100%</span>');
    expect(text).toMatch(
      /<h3><a href="\/delegations\?status=stuck">Marked stuck<\/a><\/h3><p class="value">7<\/p><p class="note">2 of them without progress</,
    );
    expect(page()).not.toContain('Own thresholds');
    expect(page()).toContain('<span class="from over">10 min</span>');
  });

  test('shows which threshold the evidence supports, callee by callee, and says when it is too little, or none', () => {
    const text = page();
    expect(text).toContain('8 min: dead agents are found 2 min earlier');
    expect(text).toContain('20 min: today’s is too tight, 0.4% exceed it');
    expect(text).toContain('as it is; 9 min 33 s would do');
    expect(text).toContain('too little evidence: 212 of about 3,000');
    expect(text).toContain('The 4 of 5 callees with most evidence.');
    const together = { ...advice.callees[0]!, calleeId: null };
    expect(page({ advice: { ...advice, callees: [together] } })).toContain(
      'data-label="Callee"><span>all others, together</span></th>',
    );
    expect(page({ advice: { ...advice, callees: [], calleesKnown: 0 } })).toContain('No evidence yet.');
    expect(page({ advice: null })).toMatch(/Threshold advice<\/h2><p class="none">Could not be read in time/);
  });

  test('says that a large fleet was counted a while ago, and not to its end', () => {
    const text = page({ census: { ...census, capped: true, at: new Date(now.getTime() - 150_000) } });
    expect(text).toContain('of the first million by deadline');
    expect(text).toContain('counted 2 min 30 s ago');
  });
});

describe('the page over HTTP', () => {
  const database = useDatabase({ replayed: false });

  test('reloads by itself, until it is asked not to', async () => {
    await using ops = await startOps(database.url);
    expect((await ops.get('/')).headers).toMatchObject({ refresh: '30' });
    const still = await ops.get('/?reload=off');
    expect(still.headers).not.toHaveProperty('refresh');
    expect(still.body).toContain('<a href="/">reload every 30 s</a>');
  });

  test('has a policy that allows only its own style sheet', async () => {
    await seedDelegation(database, { calleeId: hostileId, silentSeconds: 700 });
    await testSweeper(database.db).sweeper.sweep({ trigger: 'manual' });
    await using ops = await startOps(database.url);
    const { status: code, headers, body } = await ops.get('/');
    expect(code).toBe(200);
    const [, style] = /<style>(.*?)<\/style>/s.exec(body)!;
    const hash = createHash('sha256').update(style!).digest('base64');
    expect(headers).toMatchObject({
      'content-type': 'text/html; charset=utf-8',
      'content-security-policy': `default-src 'none'; style-src 'sha256-${hash}'; img-src data:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'`,
      'referrer-policy': 'no-referrer',
      'x-content-type-options': 'nosniff',
      'cache-control': 'no-store',
    });
    expect(body).toContain('&quot;&gt;&lt;img src=x onerror=alert(1)&gt;');
    expect(body).not.toContain(hostileId);
  });

  test('shows nothing that must not be in a log', async () => {
    const id = await seedDelegation(database, { silentSeconds: 700 });
    await database.query(
      `UPDATE delegations SET task_preview = 'secret-task', error_detail = 'secret-detail' WHERE delegation_id = $1`,
      [id],
    );
    await testSweeper(database.db).sweeper.sweep({ trigger: 'manual' });
    await using ops = await startOps(database.url);
    const { body } = await ops.get('/');
    expect(body).toContain(id);
    expect(body).not.toContain('secret-');
  });
});

test('the page names what is not delivered to the webhook, and says nothing of it while there is nothing', () => {
  expect(page()).not.toContain('Webhook');
  expect(page({ undelivered: null })).not.toContain('Webhook');
  expect(page({ undelivered: { ...undelivered, waiting: 1200, oldestMs: 7_200_000, dead: 2 } })).toContain(
    '<dt>Webhook</dt><dd>1,200 not delivered yet, the oldest for 2 h; 2 dead letters</dd>',
  );
});
