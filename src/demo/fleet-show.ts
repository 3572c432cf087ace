import { cast } from './cast.ts';
import { perform } from './performance.ts';
import type { Show } from './show.ts';

/** Agents that use the ledger themselves. */
export const fleetShow: Show = {
  roles: cast.map(({ name }) => name),
  env: {},
  perform: (options) => perform(cast, options),
};
