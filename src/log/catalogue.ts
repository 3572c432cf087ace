/**
 * Every event that may be logged: its level, its one-line message and its fields. The names and fields are a public
 * contract (docs/observability.md is generated from here): alerts and dashboards depend on them.
 */
import type * as z from 'zod';
import { daemonEvents } from './catalogue/daemon.ts';
import { databaseEvents } from './catalogue/database.ts';
import { delegationEvents } from './catalogue/delegation.ts';
import { demoEvents } from './catalogue/demo.ts';
import { ledgerEvents } from './catalogue/ledger.ts';
import { ledgersEvents } from './catalogue/ledgers.ts';
import { pruneEvents } from './catalogue/prune.ts';
import { reconcileEvents } from './catalogue/reconcile.ts';
import { retryEvents } from './catalogue/retry.ts';
import { sweepEvents } from './catalogue/sweep.ts';
import { webhookEvents } from './catalogue/webhook.ts';

export const catalogue = {
  ...daemonEvents,
  ...databaseEvents,
  ...sweepEvents,
  ...delegationEvents,
  ...ledgerEvents,
  ...ledgersEvents,
  ...retryEvents,
  ...reconcileEvents,
  ...webhookEvents,
  ...pruneEvents,
  ...demoEvents,
} as const;

export type EventName = keyof typeof catalogue;

export type EventFields<E extends EventName> = Readonly<z.output<(typeof catalogue)[E]['fields']>>;
