import { bundlePackages } from './test/support/bundled-packages.ts';

export default async () => ({
  runtime: '<rootDir>/test/support/shared-runtime.ts',
  testEnvironment: '<rootDir>/test/support/test-environment.ts',
  // Node strips the types itself.
  transform: {},
  extensionsToTreatAsEsm: ['.ts'],
  testMatch: ['<rootDir>/test/**/*.test.ts'],
  moduleNameMapper: await bundlePackages(),
  globalSetup: '<rootDir>/test/support/global-setup.ts',
  globalTeardown: '<rootDir>/test/support/global-teardown.ts',
  // Most of a test's time is spent waiting for a server or a tick: four times as many workers as a small machine has cores.
  maxWorkers: 8,
  testSequencer: '<rootDir>/test/support/longest-first.ts',
  // A test that hangs: on a busy machine one takes many times as long as alone.
  testTimeout: 180_000,
});
