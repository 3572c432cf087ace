import type { Config } from '../config/config.ts';
import type { ExplainerOptions } from '../sweeper/explanation/explainer.ts';
import type { ProbeOptions } from '../sweeper/probe/suspect-probe.ts';
import { sweeperOptions } from './sweeper-options.ts';

/** `probe`: what the sweeps ask agents by. */
export function explainerOptions(config: Config, probe: ProbeOptions | undefined): ExplainerOptions {
  return {
    sweeper: sweeperOptions(config, probe),
    cron: { expression: config.sweepCron, timezone: config.sweepTz },
    onTime: config.sweepOnTime,
  };
}
