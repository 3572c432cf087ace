import type { Case } from '../case.ts';
import { adjustCases } from './adjust.ts';
import { foreignCases } from './foreign.ts';
import { heartbeatCases } from './heartbeat.ts';
import { insertCases } from './insert.ts';
import { lateResultCases } from './late-results.ts';
import { retryCases } from './retry.ts';
import { textCases } from './text.ts';
import { transitionCases } from './transitions.ts';
import { waitingCases } from './waiting.ts';

/** By what they are about. */
export const cases: Readonly<Record<string, readonly Case[]>> = {
  insert: insertCases,
  'transitions of a status': transitionCases,
  'results that come late': lateResultCases,
  heartbeats: heartbeatCases,
  waiting: waitingCases,
  'what may be adjusted': adjustCases,
  'what is tried again': retryCases,
  'texts of any kind': textCases,
  "statements of a client's own": foreignCases,
};
