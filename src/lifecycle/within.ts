/** The work's result; undefined where it takes longer. The work goes on, and a later rejection is ignored. */
export async function within<Result>(ms: number, work: Promise<Result>): Promise<Result | undefined> {
  const { promise: tooLong, resolve } = Promise.withResolvers<undefined>();
  const timer = setTimeout(resolve, ms, undefined);
  try {
    return await Promise.race([work, tooLong]);
  } finally {
    clearTimeout(timer);
  }
}
