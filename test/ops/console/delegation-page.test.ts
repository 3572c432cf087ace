import { describe, expect, test } from '@jest/globals';
import { delegationPage, unknownPage } from '../../../src/ops/console/delegation-page.ts';
import { pageAnswer } from '../../../src/ops/page/layout.ts';
import type { Explanation } from '../../../src/sweeper/explanation/explanation.ts';
import { firstId, neverRemoved, silent, stuck, stuckId } from './readings.ts';

const page = (explanation: Explanation) => pageAnswer(200, delegationPage(explanation, '1.2.3')).body;

/** The words of a page, as a person reads them. */
function words(body: string): string {
  return body
    .slice(body.indexOf('<main'))
    .replace(/<[^>]*>/g, ' ')
    .replace(/\s+/g, ' ')
    .replace(/ (?=[:;,.])/g, '');
}

describe('the page of a delegation that a sweep marked', () => {
  const text = words(page(stuck));

  test('begins with why it is stuck, and what happens next', () => {
    expect(text).toMatch(
      /^ Delegation 0198a4c2-\S+ stuck since .* came 1 min 6 s after that\. Next: Nothing: stuck is final\./,
    );
  });

  test('has the arithmetic of the mark', () => {
    expect(text).toContain('Last heard 11:49:11 UTC Marked 12:01:45 UTC Silent by the clock 12 min 34 s');
    expect(text).toContain('Not counted − 2 min 30 s 11:54:41 to 11:57:11: no daemon watched');
    expect(text).toContain('Silent, what counted 10 min 4 s Allowed 10 min Too long by 4 s');
    expect(text).toContain('Its agent, asked no answer: timeout');
  });

  test('has its timeline, its late result and its attempts', () => {
    expect(text).toContain('12:01:45 24 min 52 s in_progress → stuck sweeper rule: stale silentMs: 754000');
    expect(text).toContain('late result browser-agent status: completed the whole response is kept in the database');
    expect(text).toContain('12:02:51 1 min 6 s completed browser-agent not shown');
    expect(text).toContain(`${stuckId} (this one) 2 stuck`);
    expect(page(stuck)).toContain('<a href="/delegations/0198a4cc-10c1-7aa9-8a11-77b0cf0f51aa">');
  });

  test('says that previews are not shown, and how they would be', () => {
    expect(text).toContain('Not shown: the daemon’s OPS_SHOW_PREVIEWS is false.');
  });

  test('shows previews when they were read', () => {
    const previews = { task: 'find\n the price', result: null, errorDetail: 'no heartbeat for 604s' };
    const body = page({ ...stuck, delegation: { ...stuck.delegation, previews } });
    expect(body).toContain('<h3>Task</h3><p class="preview">find\ufffd the price</p>');
    expect(words(body)).toContain('Error detail no heartbeat for 604s');
    expect(words(body)).not.toContain('Not shown');
  });

  test('one that is overdue shows its deadline, one that is stalled its progress', () => {
    const marked = (mark: object) =>
      words(page({ ...stuck, ending: { ...stuck.ending!, mark: { ...stuck.ending!.mark!, ...mark } } }));
    expect(marked({ rule: 'overdue', allowedMs: null, deadline: '2026-07-28T12:00:00.000Z' })).toContain(
      'Deadline 12:00:00 UTC Marked 12:01:45 UTC Past its deadline by 12 min 34 s',
    );
    expect(marked({ rule: 'stalled' })).toContain('Last progress 11:48:41 UTC page 3 of 12 Marked 12:01:45 UTC');
  });

  test('one that ended by itself has no evidence of a mark', () => {
    const text = words(page({ ...stuck, ending: { ...stuck.ending!, mark: null, actor: null, lateResults: [] } }));
    expect(text).toContain('By not recorded');
    expect(text).toContain('None: no result came after it had ended.');
    expect(text).not.toContain('The evidence of the mark');
  });

  test('a long timeline says how much of it is left out', () => {
    const timeline = { first: stuck.timeline.first, leftOut: 1_200, leftOutIsCapped: true, last: stuck.timeline.first };
    expect(words(page({ ...stuck, timeline }))).toContain('At least 1,200 between these are left out.');
  });
});

describe('the page of an open delegation', () => {
  const text = words(page(silent));

  test('has the arithmetic of its silence and of its progress', () => {
    expect(text).toContain('Last heard 11:49:11 UTC by a heartbeat Silent by the clock 14 min 10 s');
    expect(text).toContain('Silence that counts 11 min 40 s Allowed 10 min its own threshold of before it was lowered');
    expect(text).toContain('lowered to 1 min at 11:03:21 UTC Too long by 1 min 40 s');
    expect(text).toContain('Without progress 12 min 10 s Allowed 30 min its own limit Left 17 min 50 s');
    expect(text).toContain('Waiting until 15 min ago: approval by a person');
  });

  test('says what a sweep would do and what keeps it from that', () => {
    expect(text).toContain('A sweep now would hold it: it is not marked for now');
    expect(text).toContain('Held by an operator ada, until 12:53:21 UTC: network maintenance');
    expect(text).toContain('Storm held since 11:48:21 UTC, until 12:15:21 UTC at the latest');
    expect(text).toContain('1,200 of 2,000 in progress, 900 of them stale; browser-agent 700');
    expect(text).toContain('Cannot judge rows hidden: grant the role BYPASSRLS');
    expect(text).toContain('Come before it 12; a sweep takes 100,000');
    expect(text).toContain('Locked by pid 4711 of app (planner) idle in transaction in a transaction for 1 min 30 s');
    expect(text).toContain('Its mark was refused by the database; the event sweep.poisoned says why, at 12:02:31 UTC');
  });

  test('that is only queued says that its deadline alone counts', () => {
    const verdict = { ...silent.verdict!, silence: null, progress: null, rule: null, due: [] };
    const queued = words(page({ ...silent, delegation: { ...silent.delegation, status: 'queued' }, verdict }));
    expect(queued).toContain('Silence does not count while it is queued; only its deadline does.');
  });
});

describe('any page of a delegation', () => {
  test.each([
    ['stuck', stuck],
    ['silent', silent],
  ])('%s: has nothing that is undefined', (_, explanation) => {
    expect(page(explanation)).not.toMatch(/undefined|null|NaN|Infinity|\[object/);
  });

  test('escapes hostile text in every field', () => {
    const hostile = `</code></style><script>alert(1)</script>"' onload=x \u202e\u0000${'🙂'.repeat(1_000)}`;
    const body = page(withHostileText(stuck, hostile)) + page(withHostileText(silent, hostile));
    for (const hidden of ['<script', '\u202e', '\u0000']) expect(body).not.toContain(hidden);
    expect(
      body.match(/&lt;script&gt;alert\(1\)&lt;\/script&gt;&quot;&#39; onload=x \ufffd\ufffd🙂/g)!.length,
    ).toBeGreaterThan(30);
  });
});

test('an unknown delegation has the ids that are like it, as links', () => {
  const body = pageAnswer(
    404,
    unknownPage({ now: stuck.now, delegationId: 'a<b', activity: null, ...neverRemoved, near: ['a/b', '..'] }, '1.2.3'),
  ).body;
  expect(body).toContain('The ledger has no delegation <code>a&lt;b</code>.');
  expect(body).toContain('<a href="/delegations/a%2Fb"><code>a/b</code></a>');
  expect(body).toContain('<a href="/delegations?id=.."><code>..</code></a>');
  const rest = unknownPage(
    { now: stuck.now, delegationId: 'x', activity: stuck.timeline, ...neverRemoved, near: [] },
    '1',
  );
  expect(words(pageAnswer(404, rest).body)).toContain('No delegation’s id is like this one.');
  expect(words(pageAnswer(404, rest).body)).toContain('in_progress → stuck');
});

test('what a retention removed is named as such: the delegation, what it tries again, its activity', () => {
  const removedBefore = '2026-04-01T00:00:00.000Z';
  const unknown = { now: stuck.now, delegationId: 'x', activity: null, removedBefore, retriedAs: 'y', near: [] };
  const gone = pageAnswer(404, unknownPage(unknown, '1')).body;
  expect(words(gone)).toMatch(/What ended before .* UTC may have been removed from it \(RETENTION_DELEGATIONS\)\./);
  expect(gone).toContain('There was one: <a href="/delegations/y">');
  const [, ...kept] = stuck.attempts;
  const attempts = kept.map((attempt, i) => ({ ...attempt, retryOfIsGone: i === 0 }));
  const body = page({ ...stuck, attempts, activityIsGone: true });
  expect(words(body)).toContain('Its activity was removed (RETENTION_ACTIVITY).');
  expect(words(body)).toContain(`What attempt 2 tries again, ${firstId}, is not in the ledger any more.`);
  expect(body).toContain(`<code>${firstId}</code>, which is not in the ledger any more`);
});

/** The names of what programs choose from a few words, and of instants. */
const fixedNames = new Set(
  'status fromStatus toStatus event rule source kind heardBy state action actionNow start end at now since until'.split(
    ' ',
  ),
);

/** The same explanation, where every text that a client may choose is this one. */
function withHostileText(explanation: Explanation, hostile: string): Explanation {
  const isFixed = (name: string, text: string) =>
    fixedNames.has(name) || /^\d{4}-.*Z$/.test(text) || text === 'tick' || text === 'on_time';
  const replaced = (value: unknown, name: string): unknown => {
    if (Array.isArray(value)) return value.map((one) => replaced(one, name));
    if (typeof value === 'object' && value !== null) {
      return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, replaced(one, key)]));
    }
    return typeof value === 'string' && !isFixed(name, value) ? hostile : value;
  };
  return replaced(explanation, '') as Explanation;
}
