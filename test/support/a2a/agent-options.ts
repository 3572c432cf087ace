import type { Binding, Version } from './card.ts';
import type { Stamps } from './scripted-executor.ts';

/** What a scripted agent is started with. */
export interface AgentOptions {
  readonly name: string;
  /** The protocol version that its card offers. Default 1.0. */
  readonly version?: Version;
  /** What its card offers, and it serves. Default: all. */
  readonly offered?: readonly Binding[];
  /** Of each interface of its card. */
  readonly tenant?: string;
  /** Whether it reports what it is asked over HTTP. */
  readonly reportsRequests?: boolean;
  /** Default true. */
  readonly streaming?: boolean;
  /** Default: right. */
  readonly stamps?: Stamps;
  /** Ports of a former process, whose place it takes; otherwise any free ones. */
  readonly port?: number;
  readonly grpcPort?: number;
  /** A database with the SDK's task table (see task-store.ts); otherwise tasks are kept in memory. */
  readonly taskStoreUrl?: string;
  /** With the ledger under it, in this database; the ledger may be out of reach. */
  readonly ledger?: { readonly url: string; readonly calleeId: string; readonly callerId: string };
  /** Texts that are replaced in whatever it answers over HTTP. */
  readonly mangle?: Readonly<Record<string, string>>;
}

/** The line on its standard input that closes all gates again; every other line opens the gate of that name. */
export const CLOSE_GATES = 'close gates';
