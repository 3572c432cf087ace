import all from './jest.config.js';

// Needs a coordinator of Citus with at least two worker nodes, by CITUS_URL: `npm run test:citus`.
export default async () => {
  const { globalTeardown: _, testSequencer: __, ...rest } = await all();
  return {
    ...rest,
    testMatch: [
      '<rootDir>/test/citus/**/*.citus.ts',
      // The races of the library, on a ledger on a node.
      '<rootDir>/test/ledger/{set-status,retry,heartbeat}-race.test.ts',
    ],
    moduleNameMapper: { ...rest.moduleNameMapper, '/support/use-database\\.ts$': '<rootDir>/test/citus/use-database.ts' },
    globalSetup: '<rootDir>/test/citus/require-citus.ts',
    maxWorkers: 1,
    testTimeout: 300_000,
  };
};
