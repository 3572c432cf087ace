/**
 * `npm run test:protocol`: Spin searches every state of the model of the protocol, in each small configuration, and refutes each
 * mutation of it. Needs Debian's packages spin and gcc. The last line has the counts; what could not be searched whole has failed.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import path from 'node:path';
import { assert, Report } from '../../deploy/verify/report.ts';
import { configurations, mutations } from './configurations.ts';
import { assertInstalled, type Search, search } from './spin.ts';

/** Of a run that breaks a claim, the steps that are shown. */
const STEPS_SHOWN = 12;
const SEARCHES_AT_ONCE = Math.min(2, availableParallelism());

const write = (text: string) => process.stdout.write(text);
const report = new Report(write);
const folder = await mkdtemp(path.join(tmpdir(), 'delegation-protocol-'));

function shown({ trail }: Search): string {
  return trail
    .slice(-STEPS_SHOWN)
    .map((step) => `       ${step}\n`)
    .join('');
}

const holding = configurations.map((configuration) => async () => {
  const { name, about } = configuration;
  const found = await report.check('the protocol', `${name}: ${about}`, async () => {
    const result = await search(path.join(folder, name.replaceAll(' ', '-')), configuration);
    assert(result.broken === null, `broken: ${result.broken}\n${result.trail.slice(-STEPS_SHOWN).join('\n')}`);
    return result;
  });
  if (found)
    write(`       ${found.states.toLocaleString('en')} states, ${found.depth.toLocaleString('en')} steps deep\n`);
});

const refuted = mutations.map((mutation) => async () => {
  const { name, about, claim } = mutation;
  const found = await report.check('mutations', `${name}: ${about}`, async () => {
    const configuration = configurations.find((each) => each.name === mutation.in);
    assert(configuration !== undefined, `there is no configuration '${mutation.in}'`);
    const result = await search(path.join(folder, name), configuration, name);
    assert(result.broken !== null, `Spin does not refute it: ${claim} holds in all ${result.states} states`);
    assert(
      result.broken === claim,
      `it breaks ${result.broken}, not ${claim}\n${result.trail.slice(-STEPS_SHOWN).join('\n')}`,
    );
    return result;
  });
  if (found) write(`       refuted: ${claim}\n${shown(found)}`);
});

const isReady = await report.check('packages', 'spin and gcc', async () => {
  await assertInstalled();
  return true;
});
try {
  if (isReady) {
    const left = [...holding, ...refuted];
    const lane = async () => {
      for (let next = left.shift(); next !== undefined; next = left.shift()) await next();
    };
    await Promise.all(Array.from({ length: SEARCHES_AT_ONCE }, lane));
  }
} finally {
  await rm(folder, { recursive: true, force: true });
}
write(`\n${report.summary()}`);
process.exitCode = report.failed === 0 ? 0 : 1;
