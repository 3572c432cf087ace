/**
 * `npm run verify:deploy`: tests what deploy/ holds, as far as possible without a cluster. It runs as root on Debian 12,
 * installs what is missing from Debian's packages, and connects only to this machine. The last line has the counts; a
 * part that cannot run has failed.
 */
import path from 'node:path';
import { findBinaries } from '../../src/embedded/binaries.ts';
import { verifyConnections } from './connections.ts';
import { verifyDocumented } from './documented.ts';
import { verifyImage } from './image.ts';
import { buildBase, buildImage, ImageStore } from './image-build.ts';
import { Installation } from './installation.ts';
import { verifyManifests } from './manifests.ts';
import { verifyObservability, verifyRules } from './observability.ts';
import { installPrograms } from './packages.ts';
import { PostgresServer, userOf } from './postgres-server.ts';
import { Report } from './report.ts';
import { defaults, verifyRoles } from './roles.ts';

const report = new Report((text) => process.stdout.write(text));

/** On PostgreSQL 15 as its superuser with the default names, and on 18 as a database's owner with other names. */
async function rolesPart(): Promise<void> {
  await report.check('roles', 'PostgreSQL 15', async () => {
    await using server = await PostgresServer.start({});
    await server.query('CREATE DATABASE one');
    await verifyRoles(report, server, { ...defaults, database: 'one' }, 'PostgreSQL 15');
  });
  await report.check('roles', 'PostgreSQL 18', async () => {
    const { postgres } = await findBinaries({ ...(await userOf('postgres')), stepDown: true });
    await using server = await PostgresServer.start({ bin: path.dirname(postgres) });
    await server.query('CREATE ROLE operator LOGIN CREATEROLE');
    await server.query('CREATE DATABASE two OWNER operator');
    const roles = { migrator: 'm-r', sweeper: 'Sweep"er', writer: 'w', reader: 'r' };
    const on = { database: 'two', ledgerSchema: 'ledger', pgbossSchema: 'jobs', admin: 'operator', roles };
    await verifyRoles(report, server, on, 'PostgreSQL 18, own names');
  });
}

async function otherParts(): Promise<void> {
  await verifyManifests(report);
  await verifyRules(report);
  await verifyDocumented(report);
  await rolesPart();
}

async function containerParts(): Promise<void> {
  await report.check('image', 'image, connections and observability ran to their end', async () => {
    await using store = await ImageStore.open();
    const base = await report.check('image', 'a replacement for the Node image, with mmdebstrap', async () => {
      await buildBase(store);
      return true;
    });
    const built =
      base &&
      (await report.check('image', 'deploy/Dockerfile builds with buildah', async () => {
        await buildImage(store);
        return true;
      }));
    if (!built) throw new Error('there is no image: none of the three could run');
    await using installation = await Installation.make(store);
    await verifyImage(report, store, installation);
    await verifyConnections(report, store, installation);
    await verifyObservability(report, store, installation);
  });
}

const ready = await report.check('packages', "installed from Debian's packages", async () => {
  await installPrograms();
  return true;
});
// The image is most of it, and waits for packages: the other parts take the time meanwhile.
if (ready) await Promise.all([containerParts(), otherParts()]);
process.stdout.write(`\n${report.summary()}`);
process.exitCode = report.failed === 0 ? 0 : 1;
