/** At most so many of the delegations would be marked falsely. */
export const FALSE_SHARE_MAX = 0.001;
/** How sure the advice is of that. */
export const CONFIDENCE = 0.95;

/** With fewer delegations, not even a sample without a single one that exceeds a threshold shows it (the rule of three). */
export const SAMPLE_MIN = Math.ceil(-Math.log(1 - CONFIDENCE) / FALSE_SHARE_MAX);

/**
 * How many of so many delegations may exceed a threshold, so that with this confidence no more than FALSE_SHARE_MAX of all
 * would: the largest count of which so few would be seen with a probability of 5 % at most if their share were larger
 * (the upper limit of a Poisson rate). Null: too few were seen to say anything.
 */
export function exceedingAllowed(sampled: number): number | null {
  if (sampled < SAMPLE_MIN) return null;
  const expected = sampled * FALSE_SHARE_MAX;
  // In logarithms: with a million delegations each term is too small for a number.
  let logTerm = -expected;
  let logSum = logTerm;
  for (let count = 0; ; count += 1) {
    logTerm += Math.log(expected / (count + 1));
    const logNext = logSum + Math.log1p(Math.exp(logTerm - logSum));
    if (logNext > Math.log(1 - CONFIDENCE)) return count;
    logSum = logNext;
  }
}
