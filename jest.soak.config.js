import all from './jest.config.js';

// Minutes each: `npm run test:soak`.
export default async () => ({ ...(await all()), testMatch: ['<rootDir>/test/soak/**/*.soak.ts'], maxWorkers: 1 });
