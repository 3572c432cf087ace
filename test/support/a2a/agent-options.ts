import type { Version } from './card.ts';
import type { Stamps } from './scripted-executor.ts';

/** What a scripted agent is started with. */
export interface AgentOptions {
  readonly name: string;
  /** The protocol version that its card offers. Default 1.0. */
  readonly version?: Version;
  /** Default true. */
  readonly streaming?: boolean;
  /** Default: right. */
  readonly stamps?: Stamps;
  /** Ports of a former process, whose place it takes; otherwise any free ones. */
  readonly port?: number;
  readonly grpcPort?: number;
  /** A database with the SDK's task table (see task-store.ts); otherwise tasks are kept in memory. */
  readonly taskStoreUrl?: string;
  /** Texts that are replaced in whatever it answers over HTTP. */
  readonly mangle?: Readonly<Record<string, string>>;
}
