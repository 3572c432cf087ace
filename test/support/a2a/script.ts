/**
 * What a scripted agent does, as the text of the message that it is sent: steps, separated by `;`, such as
 * `working; sleep 50; artifact report; complete done`. A message of a later turn carries the script of that turn.
 *
 * submitted, working, ask, auth, complete, fail, reject, unknown [text]   the task's state, with that text as its message
 * artifact TEXT, big BYTES    an artifact of that text, or of that size
 * message TEXT                a message instead of a task
 * sleep MS, beat N MS         nothing for so long; N times WORKING, with so long before each
 * gate NAME                   wait until the test opens it; hang: for ever, until the task is cancelled
 * cut                         break every connection; the work goes on
 * revive                      a task event with WORKING, also after the end
 * throw TEXT, die             the executor throws; the process kills itself
 *
 * A script that ends without a terminal state is an executor that returns without one.
 */
export interface Step {
  readonly verb: Verb;
  /** What follows the verb. */
  readonly text: string;
}

const verbs = [
  'submitted',
  'working',
  'ask',
  'auth',
  'complete',
  'fail',
  'reject',
  'unknown',
  'artifact',
  'big',
  'message',
  'sleep',
  'beat',
  'gate',
  'hang',
  'cut',
  'revive',
  'throw',
  'die',
] as const;
export type Verb = (typeof verbs)[number];

/** Throws where a step is not one: a test that is misspelt should not pass. */
export function stepsOf(script: string): Step[] {
  return script
    .split(';')
    .map((step) => step.trim())
    .filter((step) => step !== '')
    .map((step) => {
      const [verb, ...rest] = step.split(' ');
      if (!verbs.includes(verb as Verb)) throw new Error(`no step is called ${verb}`);
      return { verb: verb as Verb, text: rest.join(' ') };
    });
}
