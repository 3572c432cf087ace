import type { Bench } from '../bench.ts';
import type { Findings } from '../figure.ts';
import { a2aScenario } from './a2a.ts';
import { adviceScenario } from './advice.ts';
import { besideSweepsScenario } from './beside-sweeps.ts';
import { capacityScenario } from './capacity.ts';
import { crossingsScenario } from './crossings.ts';
import { daemonIdleScenario } from './daemon-idle.ts';
import { detectionScenario } from './detection.ts';
import { driftScenario } from './drift.ts';
import { eventsScenario } from './events.ts';
import { falsePositivesScenario } from './false-positives.ts';
import { fanOutScenario } from './fan-out.ts';
import { heartbeatScenario } from './heartbeat.ts';
import { heartbeatSnapshotScenario } from './heartbeat-snapshot.ts';
import { idleScenario } from './idle.ts';
import { idleLedgersScenario } from './idle-ledgers.ts';
import { ledgerOverheadScenario } from './ledger-overhead.ts';
import { ledgersScenario } from './ledgers.ts';
import { livesScenario } from './lives.ts';
import { migrateUpScenario } from './migrate-up.ts';
import { pruneScenario } from './prune.ts';
import { reconcileScenario } from './reconcile.ts';
import { staleStatisticsScenario } from './stale-statistics.ts';
import { startupScenario } from './startup.ts';
import { sweepScenario } from './sweep.ts';
import { sweepRulesScenario } from './sweep-rules.ts';

export const scenarios: Readonly<Record<string, (bench: Bench) => Promise<Findings>>> = {
  startup: startupScenario,
  'daemon-idle': daemonIdleScenario,
  'idle-ledgers': idleLedgersScenario,
  detection: detectionScenario,
  'ledger-overhead': ledgerOverheadScenario,
  lives: livesScenario,
  ledgers: ledgersScenario,
  a2a: a2aScenario,
  'fan-out': fanOutScenario,
  heartbeat: heartbeatScenario,
  'heartbeat-snapshot': heartbeatSnapshotScenario,
  capacity: capacityScenario,
  'stale-statistics': staleStatisticsScenario,
  drift: driftScenario,
  crossings: crossingsScenario,
  sweep: sweepScenario,
  'sweep-rules': sweepRulesScenario,
  events: eventsScenario,
  'beside-sweeps': besideSweepsScenario,
  prune: pruneScenario,
  idle: idleScenario,
  advice: adviceScenario,
  reconcile: reconcileScenario,
  'migrate-up': migrateUpScenario,
  'false-positives': falsePositivesScenario,
};
