import type { PgBoss, Queue } from 'pg-boss';

/** Creates the queue, or corrects it: createQueue alone silently keeps a queue of another policy. @throws the database's error. */
export async function ensureQueue(boss: PgBoss, name: string, options: Omit<Queue, 'name'>): Promise<void> {
  const { policy, ...updatable } = options;
  const found = await boss.getQueue(name);
  if (found && found.policy !== policy) await boss.deleteQueue(name);
  if (found?.policy === policy) await boss.updateQueue(name, updatable);
  else await boss.createQueue(name, options);
}
