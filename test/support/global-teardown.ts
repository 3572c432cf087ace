import { TEARDOWN, type WithTeardown } from './global-setup.ts';

export default async function globalTeardown(): Promise<void> {
  await (globalThis as WithTeardown)[TEARDOWN]?.();
}
