import all from './jest.config.js';

// Needs a browser, which `npm test` does not promise: CI installs Debian's chromium and runs `npm run test:page`.
export default async () => ({ ...(await all()), testMatch: ['<rootDir>/test/page/**/*.browser.ts'] });
