// Needs a browser, which `npm test` does not promise: CI installs Debian's chromium and runs `npm run test:page`.
export default {
  testEnvironment: 'node',
  transform: {},
  extensionsToTreatAsEsm: ['.ts'],
  testMatch: ['<rootDir>/test/page/**/*.browser.ts'],
  testTimeout: 60_000,
};
