import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { waitFor } from '../../test/support/wait-for.ts';
import { Background, run } from './command.ts';
import { Container, runToEnd } from './container.ts';
import { freePort } from './free-port.ts';
import type { ImageStore } from './image-build.ts';
import type { Installation } from './installation.ts';
import { MountedSecret } from './mounted-secret.ts';
import { pathOf } from './packages.ts';
import { assert, type Report } from './report.ts';

const PART = 'observability';
const RULES = fileURLToPath(new URL('../prometheus/rules.yml', import.meta.url));
const RULES_TEST = fileURLToPath(new URL('../prometheus/rules_test.yml', import.meta.url));
const DOCS = fileURLToPath(new URL('../../docs/operating.md', import.meta.url));
const DASHBOARD = fileURLToPath(new URL('../grafana/dashboard.json', import.meta.url));
/** More than STORM_MIN_STALE, with no other in progress: a storm. */
const STORM_ROWS = 40;
/** Somewhat more than the rule's own minute. */
const ALERT_MS = 120_000;
const TICK_MS = 90_000;

/** Only the rules, before any container. */
export async function verifyRules(report: Report): Promise<void> {
  await report.check(PART, 'promtool checks the rules', async () => {
    await run(await pathOf('promtool'), ['check', 'rules', RULES]);
  });
  await report.check(PART, "promtool runs the rules' tests", async () => {
    await run(await pathOf('promtool'), ['test', 'rules', RULES_TEST]);
  });
  await report.check(PART, 'every alert has its test and its paragraph in docs/operating.md', async () => {
    const [rules, tests, docs] = await Promise.all([RULES, RULES_TEST, DOCS].map((file) => readFile(file, 'utf8')));
    for (const [, alert] of rules!.matchAll(/alert: (\w+)/g)) {
      assert(tests!.includes(`alertname: ${alert}\n`), `${alert} has no test`);
      assert(docs!.includes(`\n### ${alert}\n`), `${alert} has no paragraph`);
      assert(
        rules!.includes(`runbook: docs/operating.md#${alert!.toLowerCase()}\n`),
        `${alert} does not name its paragraph`,
      );
    }
  });
}

/** Part 3: a real Prometheus scrapes the running container, every query of the dashboard has data, an alert arrives. */
export async function verifyObservability(
  report: Report,
  store: ImageStore,
  installation: Installation,
): Promise<void> {
  const check = <T>(name: string, work: () => Promise<T>) => report.check(PART, name, work);
  await using secret = await MountedSecret.make(await installation.files(installation.url('sweeper')));
  // One is stuck before the storm, so that there is a rate of late results.
  await installation.seed('observed-', 1, 'stale');
  await runToEnd(store, { secret: secret.dir, args: ['sweep'] });
  await installation.seed('storm-', STORM_ROWS, 'stale');
  await installation.seed('first-', 10, 'overdue');
  await using container = await Container.start(store, { secret: secret.dir });
  const held = await check('the daemon sees the storm', () => container.waitForEvent(/^sweep\.held$/));
  if (!held) return;
  await using monitoring = await Monitoring.start(container.opsPort);
  await check('Prometheus scrapes the container', () => monitoring.scraped());
  await check('marks on the next tick', async () => {
    await installation.seed('second-', 10, 'overdue');
    await container.waitForEvent(
      /^delegation\.deadline_exceeded$/,
      ({ delegationId }) => delegationId === 'second-1',
      TICK_MS,
    );
    await monitoring.has('sum(delegation_sweeper_marked_total) >= 20');
  });
  for (const { title, expr } of await dashboardQueries()) {
    await check(`dashboard, ${title}: ${expr.replace('delegation_sweeper_', '').slice(0, 60)}`, async () => {
      const values = await monitoring.query(expr);
      assert(values.some(Number.isFinite), values.length === 0 ? 'no data' : `only ${values.join(', ')}`);
    });
  }
  await check('DelegationSweeperHeld reaches Alertmanager', () => monitoring.alerted('DelegationSweeperHeld'));
  await check('no other alert fires', async () => {
    const others = (await monitoring.alerts()).filter((name) => name !== 'DelegationSweeperHeld');
    assert(others.length === 0, others.join(', '));
  });
}

interface Panel {
  readonly title: string;
  readonly targets?: readonly { readonly expr: string }[];
}

async function dashboardQueries(): Promise<{ title: string; expr: string }[]> {
  const { panels } = JSON.parse(await readFile(DASHBOARD, 'utf8')) as { panels: Panel[] };
  const filled = (expr: string) =>
    expr.replaceAll('$__rate_interval', '2m').replaceAll(/\$(namespace|job|ledger)\b/g, '.*');
  return panels.flatMap(({ title, targets = [] }) => targets.map(({ expr }) => ({ title, expr: filled(expr) })));
}

/** Prometheus with the unchanged rules, and an Alertmanager. */
class Monitoring implements AsyncDisposable {
  readonly #dir: string;
  readonly #prometheus: string;
  readonly #alertmanager: string;
  readonly #processes: readonly Background[];

  private constructor(dir: string, prometheus: string, alertmanager: string, processes: readonly Background[]) {
    this.#dir = dir;
    this.#prometheus = prometheus;
    this.#alertmanager = alertmanager;
    this.#processes = processes;
  }

  static async start(opsPort: number): Promise<Monitoring> {
    const dir = await mkdtemp(path.join(tmpdir(), 'verify-deploy-monitoring-'));
    const [prometheus, alertmanager] = [`127.0.0.1:${await freePort()}`, `127.0.0.1:${await freePort()}`];
    const config = {
      global: { scrape_interval: '1s', evaluation_interval: '1s' },
      rule_files: [RULES],
      alerting: { alertmanagers: [{ static_configs: [{ targets: [alertmanager] }] }] },
      scrape_configs: [{ job_name: 'delegation-sweeper', static_configs: [{ targets: [`127.0.0.1:${opsPort}`] }] }],
    };
    // JSON is YAML.
    await writeFile(path.join(dir, 'prometheus.yml'), JSON.stringify(config));
    await writeFile(
      path.join(dir, 'alertmanager.yml'),
      JSON.stringify({ route: { receiver: 'nobody' }, receivers: [{ name: 'nobody' }] }),
    );
    const processes = [
      new Background(await pathOf('alertmanager'), [
        ...[`--config.file=${dir}/alertmanager.yml`, `--storage.path=${dir}/alertmanager`],
        ...[`--web.listen-address=${alertmanager}`, '--cluster.listen-address='],
      ]),
      new Background(await pathOf('prometheus'), [
        ...[`--config.file=${dir}/prometheus.yml`, `--storage.tsdb.path=${dir}/prometheus`],
        `--web.listen-address=${prometheus}`,
      ]),
    ];
    return new Monitoring(dir, prometheus, alertmanager, processes);
  }

  /** The current values of a query. */
  async query(expr: string): Promise<number[]> {
    const answer = await this.#get(`http://${this.#prometheus}/api/v1/query?query=${encodeURIComponent(expr)}`);
    const { status, data, error } = answer as {
      status: string;
      error?: string;
      data: { result: { value: [number, string] }[] };
    };
    if (status !== 'success') throw new Error(error);
    return data.result.map(({ value }) => Number(value[1]));
  }

  async scraped(): Promise<void> {
    await this.has('up{job="delegation-sweeper"} == 1');
    await this.has('delegation_sweeper_build_info');
  }

  /** Waits until the query has an answer. */
  async has(expr: string): Promise<void> {
    await waitFor(`an answer to ${expr}`, async () => {
      for (const child of this.#processes) if (child.ended) throw new Error(child.lines.slice(-3).join('\n'));
      return (await this.query(expr).catch(() => [])).length > 0;
    });
  }

  /** The names of the alerts that Alertmanager holds. */
  async alerts(): Promise<string[]> {
    const alerts = (await this.#get(`http://${this.#alertmanager}/api/v2/alerts`)) as {
      labels: { alertname: string };
    }[];
    return alerts.map(({ labels }) => labels.alertname);
  }

  async alerted(name: string): Promise<void> {
    await waitFor(`${name} at Alertmanager`, async () => (await this.alerts()).includes(name), { timeoutMs: ALERT_MS });
  }

  async #get(url: string): Promise<unknown> {
    return (await fetch(url, { signal: AbortSignal.timeout(10_000) })).json();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const child of this.#processes) await child[Symbol.asyncDispose]();
    await rm(this.#dir, { recursive: true, force: true });
  }
}
