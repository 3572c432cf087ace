// Node strips the types itself, so Jest needs no transform.
export default {
  testEnvironment: 'node',
  transform: {},
  extensionsToTreatAsEsm: ['.ts'],
  testMatch: ['<rootDir>/test/**/*.test.ts'],
  globalSetup: '<rootDir>/test/support/global-setup.ts',
  globalTeardown: '<rootDir>/test/support/global-teardown.ts',
  // Most of a test's time is spent waiting for a server or a tick: more workers than a small machine has cores.
  maxWorkers: 4,
  testTimeout: 60_000,
};
