import type { Show } from '../show.ts';
import { cast } from './cast.ts';
import { perform } from './performance.ts';

/** Agents that speak A2A, on this machine, and a daemon that asks them before it gives them up. */
export const a2aShow: Show = {
  roles: cast.map(({ name }) => name),
  env: {
    A2A_PROBE: 'true',
    A2A_PROBE_ALLOW: '127.0.0.1',
    A2A_PROBE_ALLOW_PRIVATE: 'true',
    A2A_PROBE_TIMEOUT: '1s',
  },
  perform,
};
