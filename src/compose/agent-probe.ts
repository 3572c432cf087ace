import type { Config } from '../config/config.ts';
import type { ProbeOptions } from '../sweeper/probe/suspect-probe.ts';
import { CommandError } from './command-error.ts';
import { exitCode } from './exit-code.ts';

/**
 * What asks agents before their delegations are marked; undefined where A2A_PROBE is false: then the A2A SDK is not loaded.
 * @throws CommandError (78) where the SDK is not installed.
 */
export async function agentProbe(config: Config): Promise<ProbeOptions | undefined> {
  if (!config.a2aProbe) return undefined;
  const { AgentProbe } = await import('../a2a/probe/agent-probe.ts').catch((err: unknown) => {
    if ((err as { code?: unknown }).code !== 'ERR_MODULE_NOT_FOUND') throw err;
    throw new CommandError(
      exitCode.configuration,
      'A2A_PROBE=true needs the package @a2a-js/sdk, which is not installed here.\nWhat to do: npm install @a2a-js/sdk, or unset A2A_PROBE.',
      { cause: err },
    );
  });
  const probe = new AgentProbe({
    allow: config.a2aProbeAllow ?? [],
    allowPrivate: config.a2aProbeAllowPrivate,
    credentialsDir: config.a2aProbeCredentialsDir,
  });
  return { probe, asksMax: config.a2aProbeMax, timeoutMs: config.a2aProbeTimeoutMs };
}
