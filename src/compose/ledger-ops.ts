import type { Config } from '../config/config.ts';
import type { DatabaseHandle } from '../db/database.ts';
import type { Route } from '../ops/answer.ts';
import { Cached } from '../ops/cached.ts';
import { pageRoute } from '../ops/page/page-route.ts';
import type { ReadinessReading, RefusalOf } from '../ops/readiness.ts';
import type { LedgerProbes } from '../ops/telemetry/gauges.ts';
import { Advisor } from '../sweeper/advice/advisor.ts';
import type { ProbeOptions } from '../sweeper/probe/suspect-probe.ts';
import { StatusReader } from '../sweeper/status/status-reader.ts';
import { UndeliveredReader } from '../webhook/undelivered.ts';
import { consolePages } from './console-pages.ts';
import { readReadiness } from './readiness-reading.ts';
import { statusOptions } from './sweeper-options.ts';
import { version } from './version.ts';

const READINESS_KEPT_MS = 1_000;
/** Of many ledgers: each reading is six queries of each. */
const MANY_READINESS_KEPT_MS = 10_000;
const STATUS_KEPT_MS = 5_000;
/** A kubelet soon gives up on a probe, and a scraper should not wait for a database that is away. */
const ANSWER_WITHIN_MS = 2_000;
/** The census reads every open delegation: it is taken again only after a hundred times its duration. */
const CENSUS_PAUSE_FACTOR = 100;

/** It changes slowly, and reads what was counted in 30 days. */
const ADVICE_KEPT_MS = 60_000;
/** Callees on the page, and those that are not counted apart. */
const ADVICE_CALLEES_SHOWN_MAX = 10;

type Db = DatabaseHandle['db'];

/** What the ops server reads one ledger by: what people ask for never delays metrics, and neither delays readiness. */
export interface LedgerHandles {
  readonly ops: Db;
  readonly readiness: Db;
  readonly console: Db;
}

/** What the ops server shows of one ledger. */
export interface LedgerOps {
  /** By path: the status page, and those about delegations. */
  readonly routes: Readonly<Record<string, Route>>;
  readonly probes: LedgerProbes;
  readonly readiness: () => Promise<ReadinessReading>;
}

export interface LedgerOpsOptions {
  /** What the sweeps ask agents by. */
  readonly probe: ProbeOptions | undefined;
  readonly refusalOf: RefusalOf;
}

/** `config.dbSchema` names the ledger. */
export function ledgerOps(config: Config, handles: LedgerHandles, { probe, refusalOf }: LedgerOpsOptions): LedgerOps {
  const reader = new StatusReader(handles.ops, statusOptions(config));
  const readinessReader = new StatusReader(handles.readiness, statusOptions(config));
  const readiness = () => readReadiness(handles.readiness, readinessReader, config);
  const status = cached(
    () => reader.status(),
    () => STATUS_KEPT_MS,
  );
  const history = cached(
    () => reader.history(),
    () => STATUS_KEPT_MS,
  );
  const census = cached(
    () => reader.census(),
    (tookMs) => Math.max(STATUS_KEPT_MS, CENSUS_PAUSE_FACTOR * tookMs),
  );
  const advisor = new Advisor(handles.ops, config);
  const advice = cached(
    () => advisor.advice({ calleesMax: ADVICE_CALLEES_SHOWN_MAX }),
    (tookMs) => Math.max(ADVICE_KEPT_MS, CENSUS_PAUSE_FACTOR * tookMs),
  );
  const webhookReader = new UndeliveredReader(handles.ops, config);
  const undelivered = cached(
    () => webhookReader.read(),
    () => STATUS_KEPT_MS,
  );
  const isMany = config.dbSchemas !== null;
  // One that took long may have waited for a ledger that hangs.
  const readinessKeptMs = (tookMs: number) =>
    isMany && tookMs < ANSWER_WITHIN_MS / 2 ? MANY_READINESS_KEPT_MS : READINESS_KEPT_MS;
  return {
    routes: {
      '/': pageRoute({ status, census, history, advice, undelivered, version, refusalOf }),
      ...consolePages(handles.console, config, { probe, refusalOf }),
    },
    probes: { status, census, undelivered },
    readiness: cached(readiness, readinessKeptMs),
  };
}

function cached<Value>(read: () => Promise<Value>, keepMs: (tookMs: number) => number): () => Promise<Value> {
  const reading = new Cached(read, { keepMs, answerWithinMs: ANSWER_WITHIN_MS });
  return () => reading.get();
}
