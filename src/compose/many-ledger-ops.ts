import type { Route } from '../ops/answer.ts';
import { ledgersPage } from '../ops/ledgers/ledgers-page.ts';
import { ofLedger } from '../ops/ledgers/of-ledger.ts';
import { pageAnswer } from '../ops/page/layout.ts';
import { manyReadyzRoute, type Readiness, type RefusalOf, readinessOf } from '../ops/readiness.ts';
import { Router } from '../ops/router.ts';
import type { LedgerProbes } from '../ops/telemetry/gauges.ts';
import type { LedgerOps } from './ledger-ops.ts';
import type { Ledgers } from './ledgers.ts';
import type { ServedLedger } from './served-ledger.ts';

export interface ManyLedgerOpsOptions {
  readonly opsOf: (ledger: string) => LedgerOps & AsyncDisposable;
  readonly refusalOf: RefusalOf;
  readonly version: string;
}

interface Kept {
  readonly served: ServedLedger;
  readonly ops: LedgerOps & AsyncDisposable;
  readonly router: Router;
}

/** What the ops server shows of many ledgers: an overview, and below /ledgers/<name>/ what it shows of a single one. */
export class ManyLedgerOps {
  readonly #ledgers: Pick<Ledgers, 'served' | 'missing'>;
  readonly #options: ManyLedgerOpsOptions;
  readonly #kept = new Map<string, Kept>();
  readonly routes: Readonly<Record<string, Route>>;

  constructor(ledgers: Pick<Ledgers, 'served' | 'missing'>, options: ManyLedgerOpsOptions) {
    this.#ledgers = ledgers;
    this.#options = options;
    this.routes = {
      '/': () => this.#overview(),
      '/readyz': manyReadyzRoute(() => this.#readiness()),
      '/ledgers/{id}': (request) => ofLedger(request, (ledger) => this.#current().get(ledger)?.router ?? null),
    };
  }

  probes(): ReadonlyMap<string, LedgerProbes> {
    return new Map([...this.#current()].map(([name, { ops }]) => [name, ops.probes]));
  }

  /** Those that are served now; lets go of what was kept for others. */
  #current(): ReadonlyMap<string, Kept> {
    const { served } = this.#ledgers;
    for (const [name, { served: before, ops }] of this.#kept) {
      if (served.get(name) === before) continue;
      this.#kept.delete(name);
      void ops[Symbol.asyncDispose]();
    }
    for (const [name, ledger] of served) {
      if (this.#kept.has(name)) continue;
      const ops = this.#options.opsOf(name);
      this.#kept.set(name, { served: ledger, ops, router: new Router(ops.routes) });
    }
    return this.#kept;
  }

  async #readiness(): Promise<ReadonlyMap<string, Readiness>> {
    const there = await Promise.all(
      [...this.#current()].map(
        async ([name, { ops }]) => [name, await readinessOf(ops.readiness, this.#options.refusalOf)] as const,
      ),
    );
    const missing = this.#ledgers.missing.map((name) => [name, MISSING] as const);
    return new Map([...there, ...missing].toSorted(([a], [b]) => (a < b ? -1 : 1)));
  }

  async #overview() {
    const ledgers = await Promise.all(
      [...(await this.#readiness())].map(async ([name, readiness]) => {
        const census = await this.#kept
          .get(name)
          ?.ops.probes.census()
          .catch(() => null);
        return { name, readiness, census: census ?? null };
      }),
    );
    return pageAnswer(200, ledgersPage(ledgers, this.#options.version), { refresh: '30' });
  }
}

const MISSING: Readiness = {
  ready: false,
  reasons: [{ reason: 'schema_outdated', detail: 'there is no such schema; run `delegation-sweeper migrate up`' }],
  sweptAt: null,
  nextAt: null,
};
