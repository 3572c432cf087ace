import { type DatabaseHandle, openDatabase } from '../../db/database.ts';
import { DelegationLedger } from '../../index.ts';
import type { EventLevel } from '../../log/event-level.ts';
import type { LogReport } from '../demo-process.ts';
import type { LedgerPlace } from './protocol.ts';

/** A process's own ledger, whose log goes to the demo. */
export function ledgerOf(name: string, { location, dbSchema }: LedgerPlace): [DelegationLedger, DatabaseHandle] {
  const handle = openDatabase({
    location,
    schema: dbSchema,
    max: 2,
    applicationName: `demo ${name}`,
    queryTimeoutMs: 30_000,
  });
  const log = (level: EventLevel) => (line: object, message: string) => {
    process.send!({ kind: 'log', level, line, message } satisfies LogReport);
  };
  return [
    new DelegationLedger(handle.db, { logger: { info: log('info'), warn: log('warn'), error: log('error') } }),
    handle,
  ];
}
