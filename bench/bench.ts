import type { LedgerTemplate } from './ledger-database.ts';
import type { Load } from './load.ts';
import type { BenchServer } from './server.ts';

/** What every scenario uses. */
export interface Bench {
  readonly server: BenchServer;
  readonly template: LedgerTemplate;
  readonly load: Load;
  /** Smaller sizes and fewer rounds. */
  readonly quick: boolean;
  /** Progress, on stderr. */
  readonly say: (text: string) => void;
}
