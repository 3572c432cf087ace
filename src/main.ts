#!/usr/bin/env node
/** argv -> command -> exit code. */
const [major = 0] = process.versions.node.split('.').map(Number);
const EXIT_CONFIGURATION = 78;

if (major < 24) {
  process.stderr.write(
    `delegation-sweeper needs Node 24 or newer, this is ${process.versions.node}. In a checkout, run it through npm (npm start, npm run -s cli -- <command>): its scripts use the Node that npm ci installed.\n`,
  );
  process.exit(EXIT_CONFIGURATION);
}

// Imported after the check: an older Node fails on the syntax of the rest before it can say why.
const { run } = await import('./cli/program.ts');
process.exit(await run(process.argv.slice(2)));
