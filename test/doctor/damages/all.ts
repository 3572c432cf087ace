import { citusDamages } from './citus.ts';
import { daemonDamages } from './daemons.ts';
import type { Damage } from './damage.ts';
import { environmentDamages } from './environment.ts';
import { rowDamages } from './rows.ts';
import { schemaDamages } from './schema.ts';
import { storageDamages } from './storage.ts';

/** By what is damaged. */
export const damageGroups: Readonly<Record<string, readonly Damage[]>> = {
  'the schema': schemaDamages,
  'where Citus has it': citusDamages,
  'its surroundings': environmentDamages,
  'the daemons': daemonDamages,
  'the rows': rowDamages,
  'the storage': storageDamages,
};

export const allDamages: readonly Damage[] = Object.values(damageGroups).flat();
